// The browser says when the desk is no longer empty: only where the person wants that, and while they are elsewhere.

import { $, elements, ready } from "./dom.js";
import { focused } from "./focus.js";

const DESK = "narrows-desk"; // one notification, and one page in the background that listens, for all tabs

const mayNotify = () => "notify" in document.body.dataset && globalThis.Notification?.permission === "granted";
const elsewhere = () => document.hidden || !document.hasFocus();
const counted = (element) => Number(element?.textContent || 0);

let waiting = 0; // changes on the desk, as far as this page knows

function learn(now) {
  if (!waiting && now && mayNotify() && elsewhere() && !focused()) notify(now);
  waiting = now;
}

function notify(count) {
  const body = count === 1 ? "One change waits." : `${count} changes wait.`;
  const shown = new Notification("The desk is no longer empty", { tag: DESK, body });
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
    location.assign("/");
  });
}

const look = () => { waiting = counted($("#count-desk")); };
ready(look);
document.addEventListener("page", look);
document.addEventListener("htmx:sse:after:message", () => learn(counted($("#count-desk"))));

// A page in the background is told nothing: of all that wait there, one listens by itself until it is looked at again.
function listen() {
  if (document.hidden && mayNotify()) navigator.locks?.request(DESK, heard);
}

async function heard() {
  if (!document.hidden) return;
  const stream = new EventSource("/live");
  stream.addEventListener("open", async () => {
    const answer = await fetch("/api/desk?limit=1").catch(() => null);
    if (answer?.ok) waiting = (await answer.json()).waiting_count;
    performance.mark("listens");
  }, { once: true });
  stream.addEventListener("message", ({ data }) => {
    const count = elements(data).find((one) => one.getAttribute("hx-target") === "#count-desk");
    if (count) learn(counted(count));
  });
  await new Promise((seen) => {
    addEventListener("pagehide", seen, { once: true });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) seen(); });
  });
  stream.close();
}

document.addEventListener("visibilitychange", listen);
ready(listen);

// Leave is asked for at the click that chooses it, and at no other time.
document.addEventListener("change", async ({ target }) => {
  if (target.name !== "notify" || !target.checked) return;
  target.checked = (await globalThis.Notification?.requestPermission()) === "granted";
  $("#notify-refused").hidden = target.checked;
});
