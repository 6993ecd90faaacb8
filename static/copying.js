// What is copied from a diff is code: line by line, with its empty lines, and of a split view one side.

import { $$ } from "./dom.js";
import { LINE, fileOf, rowIn, rowOf, unitOf, units } from "./rows.js";

/** The selection within the lines of one file: {range, first, last}, the rows at its ends; null where it is elsewhere. */
export function selected() {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const [first, last] = [range.startContainer, range.endContainer].map((node) => rowOf(node) ?? rowOf(node.parentElement));
  return first && last && fileOf(first) === fileOf(last) ? { range, first, last } : null;
}

function text({ range, first, last }) {
  const all = units(fileOf(first));
  const [from, to] = [first, last].map((row) => all.indexOf(unitOf(row)));
  const rows = all.slice(from, to + 1).map((unit) => (unit.matches(".p") ? column(unit, first) : unit));
  return rows.filter((row) => row?.matches(LINE)).map((row) => part(row, range, first, last)).join("\n");
}

function column(pair, first) {
  const row = rowIn(pair, first);
  const place = (one) => [...one.parentElement.children].indexOf(one);
  return place(row) === place(first) ? row : null;
}

function part(row, range, first, last) {
  const within = document.createRange();
  within.selectNodeContents(row);
  if (row === first) within.setStart(range.startContainer, range.startOffset);
  if (row === last) within.setEnd(range.endContainer, range.endOffset);
  const copy = within.cloneContents();
  for (const mark of $$(".unseen, .moved, summary", copy)) mark.remove();
  return copy.textContent;
}

document.addEventListener("copy", (event) => {
  const chosen = selected();
  if (!chosen || chosen.first === chosen.last) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", text(chosen));
});
