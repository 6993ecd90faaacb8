// Moving about: file by file, hunk by hunk, line by line.

import { $$ } from "./dom.js";
import { choose, focusRow } from "./comments.js";
import { load } from "./loading.js";
import { files, firstBelow, inSight, isOpen } from "./place.js";
import { LINE, fileOf, rowIn, rowOf, unitOf, units } from "./rows.js";

const head = (file) => file.querySelector(":scope > summary") ?? file;

/** The file being read: the one with the focus, while that is to be seen, else the one at the top of the window. */
export function fileHere() {
  const all = files();
  const focused = document.activeElement.closest?.(".file");
  if (focused && inSight(focused)) return focused;
  return all[Math.max(0, firstBelow(all) - 1)];
}

export function goToFile(file) {
  const target = head(file);
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  file.scrollIntoView({ block: "start" });
}

/** The place to go to in `all` from the place `at`, else from where the eyes are; what has just begun is passed by. */
function place(all, at, by, begun) {
  if (at >= 0) return at + by;
  return by > 0 ? firstBelow(all) : firstBelow(all, begun) - 1;
}

const within = (all, number) => all[Math.max(0, Math.min(all.length - 1, number))];

export function nextFile(by) {
  const all = files();
  const focused = document.activeElement;
  const at = focused.matches("summary") && inSight(focused) ? all.indexOf(focused.parentElement) : -1;
  const file = within(all, place(all, at, by, -1));
  if (file) goToFile(file);
}

/** The next file that is not marked as viewed, below the one given or from the top. */
export function nextUnviewed(file) {
  const all = files();
  const at = all.indexOf(file);
  const unviewed = (other) => !other.matches(".seen");
  return [...all.slice(at + 1), ...all.slice(0, at)].find(unviewed);
}

/** Hunks, and what is not here yet and may have some: a file that is all new or gone has one, at its start. */
const stops = () => $$(".file .r.h:not(.tail), .file .skeleton").filter((stop) => {
  const file = stop.closest(".file");
  if (!isOpen(file) || file.hidden) return false;
  return stop.matches(".r") || !file.querySelector(".r") || !file.querySelector("summary > :is(.A, .D)");
});

export async function nextHunk(by) {
  let all = stops();
  const focused = document.activeElement.closest?.(".r.h");
  const at = place(all, focused && inSight(focused) ? all.indexOf(focused) : -1, by, 40);
  const before = all[at - by];
  let stop = within(all, at);
  while (stop?.matches(".skeleton")) {
    if (by > 0) fileOf(stop).scrollIntoView({ block: "start" });
    await load(stop);
    if (stop.isConnected) return;
    all = stops();
    stop = within(all, before ? all.indexOf(before) + by : by > 0 ? 0 : all.length);
  }
  if (!stop) return;
  stop.focus({ preventScroll: true });
  stop.scrollIntoView({ block: "start" });
}

/** From the focused line to the next one; false when no line has the focus. */
export function nextLine(by, extend) {
  const row = document.activeElement.closest?.(".r");
  if (!row) return false;
  const all = units(fileOf(row));
  for (let at = all.indexOf(unitOf(row)) + by; all[at]; at += by) {
    const next = rowIn(all[at], row);
    if (!next.matches(LINE)) continue;
    choose(rowOf(row) ?? next, next, extend);
    focusRow(next);
    break;
  }
  return true;
}

/** In split view from a line to the one beside it; false where there is none. */
export function otherSide(by) {
  const row = rowOf(document.activeElement);
  const other = by > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  if (!row?.parentElement.matches(".p") || !other?.matches(LINE)) return false;
  focusRow(other);
  return true;
}

