// Nothing moves under the reader: what stands at the top of the window stays where it is while the page changes.

import { $$ , bisect } from "./dom.js";

export const EDGE = 80; // pixels from the top of the window, below the sticky head of a file

const top = (element) => element.getBoundingClientRect().top;

/** The element that the reader has before the eyes: a line of code, else a file's head, else whatever is there. */
export function eye() {
  const x = Math.min(innerWidth - 20, innerWidth * 0.6);
  for (let y = EDGE; y < innerHeight; y += 20) {
    const found = document.elementFromPoint(x, y)?.closest(".r:not(.h), .p, .talk, .file, .card");
    if (found?.matches(".r, .p, .talk")) return found;
  }
  return document.elementFromPoint(x, EDGE);
}

/** Changes the page by `act`, and keeps `element` where it stands in the window. */
export function hold(element, act) {
  const before = element && top(element);
  const result = act();
  if (element?.isConnected) scrollBy({ top: top(element) - before, behavior: "instant" });
  return result;
}

const CALM = 200; // milliseconds without scrolling, for browsers that don't tell when it ends
let moving = null; // {over, end}: a promise of the end of the scrolling that goes on, and what fulfils it
let timer = 0;

/** Resolves when nothing scrolls: to hold what is read in its place would stop a movement on its way. */
export const still = () => moving?.over ?? Promise.resolve();

function calm() {
  clearTimeout(timer);
  moving?.end();
  moving = null;
}

addEventListener("scroll", () => {
  if (!moving) {
    moving = {};
    moving.over = new Promise((end) => { moving.end = end; });
  }
  clearTimeout(timer);
  timer = setTimeout(calm, CALM);
}, { passive: true });
addEventListener("scrollend", calm);

/** The first of `elements`, which stand in the order of the page, whose start is below the edge; its place. */
export function firstBelow(elements, edge = EDGE) {
  return bisect(elements, (element) => {
    const chunk = element.closest(".chunk");
    const box = (chunk ?? element).getBoundingClientRect();
    if (!chunk || box.bottom <= edge || box.top > edge) return box.top > edge;
    return top(element) > edge; // asking for a line of a chunk that is not shown would lay it out
  });
}

/** Whether any of an element is to be seen. */
export function inSight(element) {
  const box = element.getBoundingClientRect();
  return box.height > 0 && box.bottom > 0 && box.top < innerHeight;
}

/** The files of the page that are not filtered away. */
export const files = () => $$(".file").filter((file) => !file.hidden);
export const isOpen = (file) => file.open ?? true; // on a page of its own a file is no details element
