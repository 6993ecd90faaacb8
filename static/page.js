// Another page in the place of this one, without loading it anew: nothing flashes, and it may have been fetched ahead.
// A page of many rows is shown with the first of them; the others follow while it is read.

import { $, $$, htmx, ready } from "./dom.js";
import { eye, hold, still } from "./place.js";

const AT_ONCE = 4; // chunks of rows that are shown with the page itself
const SLICE = 8; // milliseconds of work before the browser may do something else

const breath = () => (globalThis.scheduler?.yield ? scheduler.yield() : new Promise((on) => setTimeout(on)));

/** Resolves when all rows of the page are there. */
export let whole = Promise.resolve();

let showing = location.pathname + location.search;

/**
 * Fetches a page and parses it piece by piece, so that reading goes on meanwhile; null when it can't be had.
 * The result is what `show` takes: {title, body, main, head, live, rest}, where `rest` is rows that belong into `main`.
 */
export async function fetchPage(url, options = {}) {
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, ...options });
    if (!answer.ok) return null;
    const made = document.implementation.createHTMLDocument();
    made.open();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      made.write(value);
      await breath();
    }
    made.close();
    return $("#main", made) && (await taken(made));
  } catch {
    return null;
  }
}

/** Takes what is shown out of a parsed page, with most rows apart. */
async function taken(made) {
  const rest = [];
  const pace = paced();
  for (const chunk of $$(".rows > .chunk", made).slice(AT_ONCE)) {
    const parent = chunk.parentElement;
    rest.push({ parent, chunk: document.adoptNode(chunk) });
    await pace();
  }
  const [main, head, live] = ["#main", "header.top", "#live"].map((one) => $(one, made));
  return { title: made.title, body: made.body, main: document.adoptNode(main), head, live, rest };
}

/** Gives a function to await between two pieces of work: it lets the browser breathe when a slice is over. */
function paced() {
  let until = performance.now() + SLICE;
  return async () => {
    if (performance.now() < until) return;
    await breath();
    until = performance.now() + SLICE;
  };
}

/**
 * Shows a page that was fetched: its head, what it is about, its live line; toasts stay. `address` is where it is,
 * `push` makes the one before a step to go back to.
 */
export async function show({ title, body, main, head, live, rest }, address, { push = false } = {}) {
  history[push ? "pushState" : "replaceState"](null, "", address);
  showing = location.pathname + location.search;
  document.title = title;
  document.body.className = body.className;
  for (const name of Object.keys(document.body.dataset)) delete document.body.dataset[name];
  Object.assign(document.body.dataset, body.dataset);
  $("#news").replaceChildren();
  if (head) $("header.top").replaceChildren(...[...head.childNodes].map((node) => document.adoptNode(node)));
  $("#main").replaceWith(main);
  document.dispatchEvent(new Event("page"));
  whole = process(main, live).then(() => fill(main, rest));
}

async function process(main, live) {
  await breath(); // it is painted first
  const there = await htmx;
  there.process(main);
  there.process($("header.top"));
  const old = $("#live");
  if (live && old) await there.swap({ text: live.outerHTML, target: old, sourceElement: old, swap: "outerHTML" });
}

async function fill(main, rest) {
  const pace = paced();
  const there = await htmx;
  for (const { parent, chunk } of rest) {
    await pace();
    if (!main.isConnected) return;
    if (parent.getBoundingClientRect().top < 0) await still();
    const above = parent.getBoundingClientRect().top < 0;
    hold(above ? eye() : null, () => parent.append(chunk));
    for (const talk of $$(".talk", chunk)) there.process(talk);
  }
}

ready(() => { showing = location.pathname + location.search; });
addEventListener("popstate", () => {
  if (location.pathname + location.search !== showing) location.reload();
});
