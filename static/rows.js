// What a line of the diff is: rows hold their numbers in data-o and data-n. This is the only module that knows.

import { $$ } from "./dom.js";

export const LINE = ".r:not(.h, .e)";

/** The row that an element is part of; null for a heading, and for a side without a line. */
export const rowOf = (element) => element?.closest?.(LINE) ?? null;
export const fileOf = (element) => element.closest("[data-position]");
export const sheetOf = (element) => element.closest("[data-change]");

/** The address of a file of what is read, with how it is read; `more` goes along. */
export function addressOf(file, piece = "", more = {}) {
  const { change, revision, since, view, whitespace } = sheetOf(file).dataset;
  const asked = new URLSearchParams({ ...(since && { since }), ...(view && { view }), ...(whitespace && { whitespace }), ...more });
  return `/changes/${change}/revisions/${revision}/files/${file.dataset.position}${piece}?${asked}`;
}

/** A row as a place: {row, side, line}. `wanted` is the side to count on, where the row has it. */
export function lineOf(row, wanted) {
  const number = (side) => Number(side === "old" ? row.dataset.o : row.dataset.n) || null;
  const side = wanted && number(wanted) ? wanted : number("new") ? "new" : "old";
  return { row, side, line: number(side) };
}

/** What stands on one text line of the page: a row, or in split view a pair of them. */
export const unitOf = (row) => (row.parentElement.matches(".p") ? row.parentElement : row);
export const units = (file) => $$(".chunk > .r, .chunk > .p", file);

/** The row of a unit that one goes on to from `row`: in the same column, where there is a line. */
export function rowIn(unit, row) {
  if (!unit.matches(".p")) return unit;
  const column = row?.parentElement.matches(".p") ? [...row.parentElement.children].indexOf(row) : 1;
  const [same, other] = [unit.children[column], unit.children[1 - column]];
  return same.matches(LINE) ? same : other;
}

/** Of a file on the page the row that shows a line; undefined where none does. */
export function findRow(file, side, line) {
  const column = side === "old" ? "o" : "n";
  return $$(`.r[data-${column}="${line}"]:not(.h)`, file).at(column === "o" ? 0 : -1);
}

/** All rows of a file from one place to another, on the side of the first. */
export function between(from, to) {
  const all = units(fileOf(from.row));
  const [low, high] = [all.indexOf(unitOf(from.row)), all.indexOf(unitOf(to.row))].sort((a, b) => a - b);
  return all.slice(low, high + 1).flatMap((unit) => (unit.matches(".p") ? [...unit.children] : [unit]))
    .filter((row) => row.matches(LINE) && (from.side === "old" ? row.dataset.o : row.dataset.n));
}

/** Whether a point lies on the row's numbers, which are drawn where its text is indented. */
export function onNumbers(row, x) {
  const box = row.getBoundingClientRect();
  return x >= box.left && x < box.left + parseFloat(getComputedStyle(row).paddingInlineStart);
}
