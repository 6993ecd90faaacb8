// Comments on lines: a click on a line's numbers, a range by dragging over them or with Shift, or by keys.

import { selected } from "./copying.js";
import { $, $$, elements, htmx, make } from "./dom.js";
import { keep, keepSoon, sent } from "./drafts.js";
import { piece } from "./fragments.js";
import { EDGE, firstBelow } from "./place.js";
import { between, fileOf, lineOf, onNumbers, rowOf, sheetOf, unitOf } from "./rows.js";

let start = null; // where a range starts: {row, side, line}
let dragging = false;
let ahead = null; // what is typed while a form is on its way: it belongs into that form, and is no key of ours

export const typingAhead = () => ahead !== null;

export function typeAhead(text) {
  ahead.text += text;
}

/** From now on what is typed goes into the form that was asked for; after three seconds it has not come. */
export function expectForm() {
  const mine = { text: "" };
  ahead = mine;
  setTimeout(() => { if (ahead === mine) ahead = null; }, 3000);
}

export function giveUpForm() {
  ahead = null;
}

/** What was typed for a form that is there now. */
export function typedAhead() {
  const text = ahead?.text ?? "";
  ahead = null;
  return text;
}

/** Puts the cursor into the form that has just come. The bar is always in view: focusing it must not move the page. */
export function focusForm() {
  const field = $("[data-focus]");
  if (!field) return;
  field.removeAttribute("data-focus");
  field.focus({ preventScroll: true });
  const typed = typedAhead();
  if (typed && field.matches("textarea")) {
    field.value += typed;
    keepSoon(field);
  }
  if (!field.closest("#bar")) field.scrollIntoView({ block: "nearest" });
}

function mark(from, to) {
  for (const row of $$(".r.chosen")) row.classList.remove("chosen");
  if (!from || fileOf(from.row) !== fileOf(to.row)) return;
  for (const row of between(from, to)) row.classList.add("chosen");
}

/** Moves the end of the range that is being chosen by keys; without `extend` none is. */
export function choose(row, next, extend) {
  start = extend ? (start ?? lineOf(row)) : null;
  mark(start, lineOf(next, start?.side));
}

/** Asks for the form on the lines from `from` (null: one line) to `to`, and puts it below the last of them. */
async function comment(from, to) {
  const [file, sheet] = [fileOf(to.row), sheetOf(to.row)];
  if (!file || !sheet || !to.line) return giveUpForm();
  const same = from && from.side === to.side && fileOf(from.row) === file;
  const [low, high] = same ? [from.line, to.line].sort((a, b) => a - b) : [to.line, to.line];
  const last = unitOf(same && from.line > to.line ? from.row : to.row);
  const place = new URLSearchParams({
    revision: sheet.dataset.revision, position: file.dataset.position, side: to.side, line: low, end_line: high,
  });
  if (sheet.dataset.since) place.set("since", sheet.dataset.since);
  mark(same ? from : to, to);
  const html = await piece(`/changes/${sheet.dataset.change}/comments/new?${place}`);
  if (html === null) return giveUpForm();
  const talk = last.nextElementSibling?.matches(".talk") ? last.nextElementSibling : make("div", { className: "talk" });
  last.after(talk);
  const made = elements(html);
  talk.append(...made);
  focusForm();
  for (const element of made) (await htmx).process(element);
}

/** The line that a key means: the focused one, else the first changed one after the focus or below the edge. */
function lineHere() {
  const focused = document.activeElement;
  if (rowOf(focused)) return rowOf(focused);
  const changed = $$(`.r:is(.a, .d)`).filter((row) => row.closest(".file")?.open ?? true);
  const heading = focused.closest?.(".r.h");
  if (!heading) return changed[firstBelow(changed, EDGE)] ?? changed.at(-1);
  return changed.find((row) => heading.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
}

export function commentHere() {
  const chosen = selected();
  if (chosen) start = lineOf(chosen.first);
  const row = chosen ? chosen.last : lineHere();
  if (row) {
    expectForm();
    comment(start, lineOf(row, start?.side));
  }
  start = null;
}

function cancel(form) {
  const talk = form.closest(".talk");
  const field = $("[data-draft]", form);
  sent(form);
  if (field) keep(field.dataset.draft, "").catch(() => {});
  const focus = talk && rowOf(talk.previousElementSibling);
  form.remove();
  if (talk && !talk.childElementCount) talk.remove();
  mark(null, null);
  if (focus) focusRow(focus);
}

export function focusRow(row) {
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** The row whose numbers an event is on. */
function numbered(event) {
  const row = rowOf(event.target);
  return row && event.target === row && onNumbers(row, event.clientX) ? row : null;
}

document.addEventListener("click", (event) => {
  const cancelled = event.target.closest("[data-act='cancel']")?.closest("form");
  if (cancelled && $("article.sheet")) {
    event.preventDefault();
    return cancel(cancelled);
  }
  const row = numbered(event);
  if (!row) return;
  const here = lineOf(row, event.shiftKey ? start?.side : undefined);
  if (event.shiftKey) getSelection().removeAllRanges();
  comment(event.shiftKey ? start : null, here);
  start = here;
});

document.addEventListener("pointerdown", (event) => {
  const row = event.pointerType === "mouse" && event.button === 0 && !event.shiftKey ? numbered(event) : null;
  if (!row) return;
  event.preventDefault(); // the mouse chooses lines now, and no text
  start = lineOf(row);
  dragging = true;
});

document.addEventListener("pointermove", (event) => {
  const row = dragging && rowOf(event.target);
  if (row && fileOf(row) === fileOf(start.row)) mark(start, lineOf(row, start.side));
});

document.addEventListener("pointerup", (event) => {
  if (!dragging) return;
  dragging = false;
  const row = rowOf(event.target);
  if (row && row !== start.row && fileOf(row) === fileOf(start.row)) comment(start, lineOf(row, start.side));
});

document.addEventListener("htmx:response:error", giveUpForm);
document.addEventListener("htmx:after:swap", () => {
  focusForm();
  for (const talk of $$(".talk")) if (!talk.childElementCount) talk.replaceChildren(); // so that nothing is shown of it
});

