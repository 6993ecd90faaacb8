// Live: the desk shows what arrives when nothing is being read there; a transcript follows its end.

import { $, $$, htmx, ready } from "./dom.js";

document.addEventListener("arrived", () => {
  if ($("[data-desk='empty']")) location.assign("/");
});

function follow() {
  const transcript = $("[data-follow]");
  if (!transcript) return;
  const page = document.scrollingElement;
  const atEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < 60;
  let follows = atEnd() && page.scrollTop > 0;
  addEventListener("scroll", () => { follows = atEnd(); }, { passive: true });
  new ResizeObserver(() => { if (follows) page.scrollTop = page.scrollHeight; }).observe(transcript);
}

// What a person opened or shut stays so when it is told anew.
const chosen = new WeakSet();
document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  if (summary) chosen.add(summary.parentElement);
});
htmx.then((there) => there.registerExtension("chosen", {
  htmx_before_morph_attr: (element, { attrName }) => attrName !== "open" || !chosen.has(element),
}));

function tick() {
  for (const time of $$("time[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(time.dateTime)) / 1000));
    time.textContent = seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
}

ready(() => {
  follow();
  if ($("time[data-since]") || $("#runs")) setInterval(tick, 1000);
  if (new URLSearchParams(location.search).has("done")) {
    history.replaceState(history.state, "", location.pathname + location.hash);
  }
});
