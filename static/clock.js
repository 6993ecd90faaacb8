// The clock of a revision: how long its page was in sight and in use. A minute after the last sign of use it stands
// still. What is told is one stretch without a gap, and when it ended: the server counts no moment twice.

const IDLE = 60_000;
const EVERY = 15_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "scroll", "wheel", "touchstart", "touchmove"];

let sheet = null; // where the clock of the revision that is read is told
let counted = 0; // milliseconds that the server was not told yet
let last = performance.now(); // up to when they are counted
let until = last + IDLE; // in use until then, unless there is a sign before
let inSight = document.visibilityState === "visible";
let standing = 0; // the timer that sees whether a minute without a sign is over

/** Where the time that goes by on this page is told; null where none is kept. */
const shown = () => document.querySelector("article[data-clock]")?.dataset.clock ?? null;

function count() {
  const now = performance.now();
  if (sheet && inSight) counted += Math.max(0, Math.min(now, until) - last);
  last = now;
}

async function tell(path, milliseconds, ended) {
  const body = new URLSearchParams({ seconds: (milliseconds / 1000).toFixed(3), ended: (ended / 1000).toFixed(3) });
  const answer = await fetch(path, { method: "POST", body, keepalive: true }).catch(() => null);
  if ((!answer || answer.status >= 500) && path === sheet) counted += milliseconds; // told again with the next
}

/** Tells what was counted; from then on it is counted for what is on the page now. */
function settle() {
  count();
  const milliseconds = counted;
  counted = 0;
  if (sheet && milliseconds >= 1) tell(sheet, milliseconds, Date.now() - Math.max(0, last - until));
  sheet = shown();
}

function used() {
  count();
  if (last > until || shown() !== sheet) settle();
  until = performance.now() + IDLE;
  standing ||= setTimeout(stand, IDLE);
}

/** Tells a stretch as soon as it is over, unless there was a sign of use since. */
function stand() {
  const left = until - performance.now();
  standing = left > 0 ? setTimeout(stand, left) : 0;
  if (!standing) settle();
}

for (const sign of SIGNS) addEventListener(sign, used, { passive: true, capture: true });
document.addEventListener("visibilitychange", () => {
  settle();
  inSight = document.visibilityState === "visible";
  until = performance.now() + IDLE;
});
document.addEventListener("page", used); // another page stands in the place of this one
addEventListener("pageshow", () => {
  used();
  inSight = document.visibilityState === "visible";
});
addEventListener("pagehide", () => {
  settle();
  inSight = false;
});
setInterval(settle, EVERY);
used();
