// Files of a large change come as they are reached; what must be there sooner is fetched here.

import { $, $$, elements, htmx, ready } from "./dom.js";
import { piece } from "./fragments.js";
import { whole } from "./page.js";
import { eye, hold, still } from "./place.js";
import { findRow } from "./rows.js";

const AHEAD = 1200; // pixels below what is in sight
const idle = globalThis.requestIdleCallback ?? ((act) => setTimeout(act, 50));
const coming = new WeakMap();

/** Puts what a skeleton stands for in its place. */
export function load(skeleton) {
  if (!coming.has(skeleton)) coming.set(skeleton, fetched(skeleton));
  return coming.get(skeleton);
}

async function fetched(skeleton) {
  const html = await piece(skeleton.href);
  if (html === null || !skeleton.isConnected) return;
  const made = elements(html);
  if (skeleton.getBoundingClientRect().bottom < 0) await still();
  const above = skeleton.getBoundingClientRect().top < 0;
  hold(above ? eye() : null, () => skeleton.replaceWith(...made));
  for (const element of made) (await htmx).process(element);
  watch();
}

/** The row of a file that shows a line, loaded if it is not there yet; undefined where the diff shows no such line. */
export async function rowAt(file, side, line) {
  await whole;
  for (;;) {
    const row = findRow(file, side, line);
    const skeleton = $(".skeleton", file);
    if (row || !skeleton) return row;
    await load(skeleton);
    if (skeleton.isConnected) return undefined;
  }
}

// What comes near is loaded: one observer for all of a page, as a large change has hundreds.
const near = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    load(target);
  }
}, { rootMargin: `${AHEAD}px` });

function watch() {
  for (const skeleton of $$("a.skeleton")) if (!coming.has(skeleton)) near.observe(skeleton);
}

/** A page that was fetched ahead has only its first files: the others are got one by one while those are read. */
async function fill() {
  const sheet = $("article.sheet[data-fills]");
  if (!sheet) return;
  for (const skeleton of $$("a.skeleton", sheet)) {
    await new Promise((calm) => idle(calm));
    if (skeleton.isConnected) await load(skeleton);
  }
}

ready(watch);
document.addEventListener("page", () => { watch(); fill(); });
document.addEventListener("htmx:after:swap", watch);
document.addEventListener("click", (event) => {
  const skeleton = event.target.closest("a.skeleton");
  if (!skeleton || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  load(skeleton);
});
