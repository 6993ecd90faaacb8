// Unchanged lines around a hunk, as the reader asks for them: above it, below the one before it, or all in between.

import { $, $$, elements, make } from "./dom.js";
import { piece } from "./fragments.js";
import { firstBelow, hold, inSight } from "./place.js";
import { addressOf, fileOf } from "./rows.js";

const STEP = 20; // lines at once
const CHUNK = 200; // rows that the browser lays out together

const gapOf = (heading) => Number(heading.dataset.gap ?? 0);

/** Puts the buttons on a hunk's heading, where lines are hidden above it and none are there yet. */
function offer(heading) {
  const gap = gapOf(heading);
  const there = $(":scope > .ways", heading);
  if (!gap || there) return;
  const way = (name, words, label) => {
    const button = make("button", { type: "button", className: "more", ariaLabel: label, title: label }, words);
    button.dataset.way = name;
    return button;
  };
  const ways = make("span", { className: "ways" });
  const first = !heading.previousElementSibling && !heading.parentElement.previousElementSibling?.matches(".chunk");
  if (gap > STEP && !first) ways.append(way("down", `↓ ${STEP}`, `Show ${STEP} lines below the hunk above`));
  if (gap > STEP && !heading.matches(".tail")) ways.append(way("up", `↑ ${STEP}`, `Show ${STEP} lines above`));
  ways.append(way("all", `all ${gap}`, gap === 1 ? "Show the hidden line" : `Show all ${gap} hidden lines`));
  heading.append(ways);
}

/** What is to be fetched for a heading: the first line of the new file, how many, and whether it goes above the heading. */
function wanted(heading, way) {
  const gap = gapOf(heading);
  const tail = heading.matches(".tail");
  const first = tail ? Number(heading.dataset.n) : Number(heading.dataset.n) - gap;
  const count = way === "all" ? gap : Math.min(STEP, gap);
  return { first: way === "up" ? first + gap - count : first, count, above: way === "down" || tail };
}

async function expand(heading, way) {
  const file = fileOf(heading);
  if (heading.ariaBusy) return;
  heading.ariaBusy = "true";
  const { first, count, above } = wanted(heading, way);
  const html = await piece(addressOf(file, "/context", { new: first, count }));
  heading.ariaBusy = null;
  if (html === null || !heading.isConnected) return;
  const rows = elements(html).flatMap((made) => (made.matches(".chunk") ? [...made.children] : [made]))
    .filter((made) => made.matches(".r, .p"));
  const focused = heading.contains(document.activeElement) && document.activeElement !== heading;
  const still = above ? heading.previousElementSibling ?? heading : heading.nextElementSibling ?? heading;
  hold(inSight(still) ? still : null, () => {
    insert(heading, rows, above);
    shrink(heading, way, rows.length);
  });
  if (!focused) return;
  const to = $(`.more[data-way="${way}"]`, heading) ?? (heading.isConnected ? heading : rows[0]);
  if (!to.hasAttribute("tabindex")) to.tabIndex = to.matches("button") ? 0 : -1;
  to.focus({ preventScroll: true });
}

/** Rows go beside the heading; many of them into chunks of their own, so that what is out of sight costs nothing. */
function insert(heading, rows, above) {
  if (rows.length <= CHUNK) return above ? heading.before(...rows) : heading.after(...rows);
  const chunk = heading.parentElement;
  const rest = [...chunk.children];
  const after = rest.slice(rest.indexOf(heading) + (above ? 0 : 1));
  const chunks = [];
  for (let at = 0; at < rows.length; at += CHUNK) chunks.push(chunkOf(chunk, rows.slice(at, at + CHUNK)));
  if (after.length) chunks.push(chunkOf(chunk, after));
  chunk.after(...chunks);
}

function chunkOf(like, rows) {
  const chunk = make("div", { className: like.className.replace(/\bt\d+ u\d+\b/, "") });
  chunk.classList.add(`t${Math.floor(rows.length / 10)}`, `u${rows.length % 10}`);
  chunk.append(...rows);
  return chunk;
}

/** The heading says what is still hidden; below the last hunk nothing is to be headed then. */
function shrink(heading, way, count) {
  const left = count ? gapOf(heading) - count : 0;
  $(":scope > .ways", heading)?.remove();
  heading.dataset.gap = left;
  heading.dataset.up = Math.min(left, STEP);
  if (heading.matches(".tail")) move(heading, count);
  else if (way !== "down") move(heading, -count);
  if (left > 0) return offer(heading);
  delete heading.dataset.gap;
  delete heading.dataset.up;
  if (heading.matches(".tail")) heading.remove();
}

function move(heading, by) {
  heading.dataset.o = Number(heading.dataset.o) + by;
  heading.dataset.n = Number(heading.dataset.n) + by;
}

/** The heading that a key means: the focused one, the one above the focused line, else the first in sight. */
function headingHere() {
  const all = $$(".file .r.h[data-gap]").filter((heading) => heading.closest(".file").open ?? true);
  const focused = document.activeElement.closest?.(".r");
  if (focused?.matches("[data-gap]")) return focused;
  if (!focused) return all[firstBelow(all)] ?? all.at(-1);
  const before = all.filter((one) => one.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING);
  return before.findLast((one) => fileOf(one) === fileOf(focused)) ?? all.find((one) => fileOf(one) === fileOf(focused));
}

/** Shows more lines at the hunk that is read: above it, and at the end of a file below it. */
export function expandHere() {
  const heading = headingHere();
  if (!heading) return;
  heading.focus({ preventScroll: true });
  const gap = gapOf(heading);
  expand(heading, gap <= STEP ? "all" : heading.matches(".tail") ? "down" : "up");
}

document.addEventListener("click", (event) => {
  const way = event.target.closest(".r.h .more");
  if (!way) return;
  event.preventDefault();
  expand(way.closest(".r.h"), way.dataset.way);
});

const offerIn = (element) => {
  for (const heading of $$(".r.h[data-gap]", element)) offer(heading);
};

// Buttons are made for what comes into sight: the browser says which chunks it begins to show.
document.addEventListener("contentvisibilityautostatechange", (event) => {
  if (!event.skipped) offerIn(event.target);
}, true);
// What was shown before this script came has been told of already, a screen or two around what is in sight too.
const shown = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    shown.unobserve(target);
    if (isIntersecting) offerIn(target);
  }
}, { rootMargin: "200%" });
for (const chunk of $$(".chunk")) shown.observe(chunk);

for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const heading = event.target.closest?.(".r.h[data-gap]");
    if (heading) offer(heading);
  });
}
