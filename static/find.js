// Find in the whole change, also in what is not loaded yet; and the filter over the tree of files.

import { $, $$, elements } from "./dom.js";
import { expectForm, focusRow, giveUpForm, typedAhead } from "./comments.js";
import { piece } from "./fragments.js";
import { rowAt } from "./loading.js";
import { goToFile } from "./moving.js";
import { say } from "./toasts.js";

const PAUSE = 120; // milliseconds after the last key

let at = -1; // which of the hits is shown
let timer = 0;
let asked = 0;
let shown = null; // its row
let from = null; // what had the focus before

const panel = () => $("#finding");
const hits = () => $$(".hits a", panel());

/** Opens the panel. `instead`: only where the browser's own find would miss what is not loaded; false then. */
export function openFind({ instead = false } = {}) {
  const sheet = $("article.sheet[data-revision]");
  if (!sheet?.dataset.revision || (instead && !$(".file .skeleton") && !panel())) return false;
  if (panel()) $("input[type=search]", panel()).select();
  else open(sheet.dataset);
  return true;
}

async function open({ change, revision, since }) {
  from = document.activeElement;
  expectForm();
  const html = await piece(`/changes/${change}/revisions/${revision}/search${since ? `?since=${since}` : ""}`);
  if (html === null || panel()) return giveUpForm();
  document.body.append(...elements(html));
  const field = $("input[type=search]", panel());
  field.focus();
  const [text, entered] = typedAhead().split("\n", 2);
  if (!text) return;
  field.value = text;
  await look();
  if (entered !== undefined) go(1);
}

function close() {
  mark(null);
  const row = hits()[at] && shown;
  panel().remove();
  at = -1;
  if (row?.isConnected) focusRow(row);
  else if (from?.isConnected) from.focus({ preventScroll: true });
}

let looking = Promise.resolve(); // the look that is under way

function look() {
  looking = looked();
  return looking;
}

async function looked() {
  const form = $("form", panel());
  const mine = ++asked;
  const html = await piece(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
  if (html === null || mine !== asked || !panel()) return;
  $(".found", panel()).replaceWith($(".found", elements(html)[0]));
  at = -1;
}

async function go(by) {
  clearTimeout(timer);
  if (timer) look();
  timer = 0;
  await looking;
  const all = hits();
  if (!all.length) return;
  await jump((at + by + all.length) % all.length);
}

async function jump(place) {
  at = place;
  const hit = hits()[place];
  for (const other of hits()) other.toggleAttribute("aria-current", other === hit);
  hit.scrollIntoView({ block: "nearest" });
  const count = $(".place", panel());
  if (count) count.textContent = `${place + 1} of `;
  const file = $(`.file[data-position="${hit.dataset.position}"]`);
  if (!file) return say("This file is not on the page.", { about: "find" });
  file.hidden = false;
  file.open = true;
  const row = await rowAt(file, hit.dataset.side, Number(hit.dataset.line));
  if (hits()[at] !== hit) return;
  shown = row ?? null;
  (row ?? file).scrollIntoView({ block: row ? "center" : "start" });
  mark(row);
}

/** Marks what was looked for in a row. */
function mark(row) {
  const text = $("input[type=search]", panel())?.value.toLowerCase();
  for (const old of $$(".r.found-here")) old.classList.remove("found-here");
  globalThis.CSS?.highlights?.delete("found");
  if (!row || !text) return;
  row.classList.add("found-here");
  if (globalThis.Highlight) CSS.highlights.set("found", new Highlight(...occurrences(row, text)));
}

function* occurrences(row, text) {
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  const whole = nodes.map((node) => node.data).join("").toLowerCase();
  const end = (place, last) => {
    for (const node of nodes) {
      if (place < node.length || (last && place === node.length)) return [node, place];
      place -= node.length;
    }
    return [nodes.at(-1), nodes.at(-1).length];
  };
  for (let place = whole.indexOf(text); place >= 0; place = whole.indexOf(text, place + text.length)) {
    const range = document.createRange();
    range.setStart(...end(place, false));
    range.setEnd(...end(place + text.length, true));
    yield range;
  }
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("#finding input[type=search]")) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      look();
    }, PAUSE);
  }
  if (target.matches("#filter")) filter(target.value);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches("#finding input")) return;
  event.preventDefault();
  go(event.shiftKey ? -1 : 1);
});

document.addEventListener("click", (event) => {
  const within = panel()?.contains(event.target);
  const opener = event.target.closest("[data-action='find']");
  if (opener && openFind()) event.preventDefault();
  if (!within) return;
  const hit = event.target.closest(".hits a");
  const way = event.target.closest("[data-way]");
  if (!hit && !way && !event.target.closest("[data-act='close']")) return;
  event.preventDefault();
  if (hit) jump(hits().indexOf(hit));
  else if (way) go(way.dataset.way === "next" ? 1 : -1);
  else close();
});

/** Shows only the files whose names have all of these words. */
function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (entry) => words.every((word) => name(entry).includes(word));
  for (const entry of $$(".outline li[data-position]")) {
    entry.hidden = !fits(entry);
    const file = $(`.file[data-position="${entry.dataset.position}"]`);
    if (file) file.hidden = entry.hidden;
  }
  for (const group of $$(".outline-group")) group.hidden = $$("li", group).every((entry) => entry.hidden);
}

const name = (entry) => ($("a", entry)?.title ?? entry.textContent).toLowerCase();

document.addEventListener("submit", (event) => {
  const input = $("#filter", event.target);
  if (!input) return;
  event.preventDefault();
  const first = $$(".outline li[data-position]").find((entry) => !entry.hidden);
  if (first) goToFile($(`.file[data-position="${first.dataset.position}"]`));
}, true);
