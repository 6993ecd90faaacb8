// The next change at once: it is fetched while this one is read, and shown as soon as this one is decided. What became
// of the decision is told by a toast; a refusal leads back to the form, where everything typed was kept.

import { $, elements, ready } from "./dom.js";
import { keepForm, keepNow, sent } from "./drafts.js";
import { ASKED } from "./fragments.js";
import { fetchPage, show } from "./page.js";
import { say, show as showToast } from "./toasts.js";

const DEEDS = {
  landing: "Landing", reviews: "Sending back", postponement: "Putting off", abandonment: "Abandoning",
  acceptance: "Accepting", retries: "Trying again",
};
const FORMS = { landing: "landing/new", reviews: "reviews/new" };
const KEEPALIVE = 60_000; // bytes that a browser still sends when its page goes away
const REFRESH = 10_000; // milliseconds between two looks at a next change that stays the next one

let ahead = null; // the next page: {after, made, at}
let fetching = null; // cancels the fetch that is under way

const changeHere = () => $("#main:has(#bar) article.sheet[data-change]")?.dataset.change;
const waiting = () => $("#count-desk")?.textContent;
const idle = globalThis.requestIdleCallback ?? ((act) => setTimeout(act, 200));

async function fetchAhead() {
  const after = changeHere();
  if (!after || document.hidden) return;
  fetching?.abort();
  const mine = (fetching = new AbortController());
  const desk = waiting();
  const made = await fetchPage(`/?after=${after}`, { priority: "low", signal: mine.signal });
  if (fetching !== mine) return;
  fetching = null;
  ahead = made && desk === waiting() && after === changeHere() ? { after, made, desk, at: Date.now() } : null;
  if (ahead) performance.mark("ahead");
}

function forget() {
  fetching?.abort();
  fetching = ahead = null;
}

function fetchSoon() {
  idle(() => fetchAhead());
}

/** What a form decides: {change, deed}; null for a form that decides nothing. A field of it may be called "method". */
function decision(form) {
  const post = form.closest("#bar") && form.getAttribute("method") === "post";
  const match = post && /^\/changes\/(\d+)\/(\w+)$/.exec(form.getAttribute("action"));
  return match && DEEDS[match[2]] ? { change: match[1], deed: match[2] } : null;
}

/** Whether what was fetched may be shown after this. Where nothing waits there is no hurry: the server leads on. */
function fits({ change }) {
  return ahead?.after === change && ahead.desk === waiting() && Boolean($("article.sheet", ahead.made.main));
}

document.addEventListener("submit", (event) => {
  const decided = decision(event.target);
  if (!decided || !fits(decided)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  decide(event.target, event.submitter, decided);
}, true);

async function decide(form, submitter, { change, deed }) {
  performance.mark("decided");
  const title = $("h1").textContent;
  const about = `deciding-${change}`;
  const sending = post(form, submitter);
  sent(form);
  keepNow();
  const { made } = ahead;
  ahead = null;
  if (location.pathname === "/") history.replaceState(null, "", `/changes/${change}`);
  const toast = say(`${DEEDS[deed]} “${title}”.`, { about });
  await show(made, "/", { push: true });
  start();
  const { refused, next } = await sending;
  toast.remove();
  if (refused) {
    await keepForm(form);
    say(`“${title}” stays as it is. ${refused}`, { about, link: `/changes/${change}/${FORMS[deed] ?? ""}`, words: "Back to it" });
  } else await tell(next);
  fetchSoon();
}

/** A new change begins at its start, and its heading has the focus, so that it is read out. */
function start() {
  const heading = $("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: "instant" });
  requestAnimationFrame(() => setTimeout(() => performance.mark("next-painted")));
}

/** Sends a form: {refused: why it was, "" when it was not; next: where the server leads to}. */
async function post(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter?.name ? submitter : null));
  try {
    const keepalive = body.toString().length < KEEPALIVE;
    const answer = await fetch(form.getAttribute("action"), { method: "POST", headers: ASKED, body, keepalive });
    if (answer.ok) return { refused: "", next: answer.headers.get("HX-Redirect") ?? "/" };
    return { refused: reason(await answer.text()) };
  } catch {
    return { refused: "Narrows can't be reached." };
  }
}

function reason(html) {
  const told = elements(html).map((one) => (one.matches("[role=alert], .problem") ? one : $("[role=alert], .problem", one)));
  return told.find(Boolean)?.textContent.replace(/\s+/g, " ").trim() || "The server did not take it.";
}

/** The toast of what was done, with its undo. */
async function tell(next) {
  const done = new URL(next, location).searchParams.get("done");
  if (!done) return;
  const answer = await fetch(`/toasts/${encodeURIComponent(done)}`, { headers: ASKED }).catch(() => null);
  if (answer?.ok) await showToast(await answer.text());
}

// The desk's order may change while one reads: what was fetched is thrown away then, and fetched anew.
for (const kind of ["arrived", "htmx:sse:after:message"]) {
  document.addEventListener(kind, () => {
    const moved = kind === "arrived" || (ahead && ahead.desk !== waiting());
    if (moved) forget();
    if (moved || (ahead && Date.now() - ahead.at > REFRESH)) fetchSoon();
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !ahead && !fetching) fetchSoon();
});
addEventListener("pageshow", () => ready(fetchSoon));
