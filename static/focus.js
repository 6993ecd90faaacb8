// Focus: while a change is read, nothing else is told. It begins by itself with reading, and ends when the change is
// decided or left, or when the person says so; what happened meanwhile is one line then, which goes with the next
// decision.

import { $, elements, ready } from "./dom.js";
import { ASKED } from "./fragments.js";
import { eye, hold } from "./place.js";

const READS = 3_000; // milliseconds from the first sign of use to the one that shows that the page is being read
const SIGNS = ["keydown", "scroll", "wheel", "touchmove", "pointerdown"];
const KEPT = "focus"; // of this tab: {change, since: the newest event when it began}
const LEFT = "unfocused"; // of this tab: the change that the person reads without
const root = document.documentElement;
const decided = location.pathname === "/" && new URLSearchParams(location.search).has("done");

let first = 0; // when there was a sign of use first
let newest = 0; // the newest event that this page was told of

/** The change that is read here; null where none waits for its reader. */
const here = () => $("article[data-clock]")?.dataset.change ?? null;
const kept = () => JSON.parse(sessionStorage.getItem(KEPT));
const known = () => Math.max(newest, Number($("#live")?.dataset.since ?? 0));

/** Whether nothing but what is read is to be told on this page. */
export const focused = () => root.classList.contains("in-focus");

function show(on) {
  $("#news").classList.toggle("keeps-place", on && $("#news").childNodes.length > 0);
  root.classList.toggle("in-focus", on && Boolean($(".focus-sign")));
}

function begin(change) {
  sessionStorage.setItem(KEPT, JSON.stringify({ change, since: known() }));
  sessionStorage.removeItem(LEFT);
  show(true);
}

async function end() {
  const was = kept();
  sessionStorage.removeItem(KEPT);
  show(false);
  if (!was) return;
  if (!$("#news [data-own]")) $("#news").replaceChildren();
  const answer = await fetch(`/digest?since=${was.since}&besides=${was.change}`, { headers: ASKED }).catch(() => null);
  if (!answer?.ok) return;
  const told = elements(await answer.text());
  hold(scrollY > 0 ? eye() : null, () => $("#digest").replaceChildren(...told));
}

/** Begins, or ends before the change is decided: then it begins with another change, or when it is asked for. */
export function toggleFocus() {
  const change = here();
  if (!change) return;
  if (!focused()) return begin(change);
  sessionStorage.setItem(LEFT, change);
  end();
}

function used() {
  const change = here();
  if (!change || focused() || sessionStorage.getItem(LEFT) === change) return;
  first ||= performance.now();
  if (performance.now() - first >= READS) begin(change);
}

/** On a page of the same change it goes on; anywhere else it is over. */
function arrive() {
  first = 0;
  const was = kept();
  const stays = was && !decided && (here() === was.change || location.pathname.startsWith(`/changes/${was.change}/`));
  if (stays) show(true);
  else end();
}

for (const sign of SIGNS) addEventListener(sign, used, { passive: true, capture: true });
document.addEventListener("click", (event) => {
  if (event.target.closest("button[data-action='focus']")) toggleFocus();
});
document.addEventListener("htmx:sse:after:message", ({ detail }) => {
  newest = Math.max(newest, Number.parseInt(detail.message.id, 10) || 0);
});
document.addEventListener("page", () => { // the change was decided, and the next one stands in its place
  first = 0;
  $("#digest").replaceChildren();
  end();
});
addEventListener("pageshow", ({ persisted }) => { if (persisted) arrive(); });
ready(arrive);
