// Unified or split: the page is made anew in its place, with the same line at the same height.

import { $ } from "./dom.js";
import { keepNow } from "./drafts.js";
import { rowAt } from "./loading.js";
import { fetchPage, show } from "./page.js";
import { eye } from "./place.js";
import { fileOf, lineOf, rowOf } from "./rows.js";
import { say } from "./toasts.js";

/** What the reader has before the eyes: a line or a file, and how far from the window's top. */
function mark() {
  const element = eye();
  const row = rowOf(element) ?? element?.querySelector?.(".r:not(.h, .e)");
  const file = element?.closest?.(".file");
  const { side, line } = row ? lineOf(row) : {};
  const focused = rowOf(document.activeElement);
  return {
    position: file?.dataset.position, side, line, top: (row ?? file ?? element)?.getBoundingClientRect().top,
    focus: focused && { position: fileOf(focused).dataset.position, ...lineOf(focused), row: null },
    scroll: scrollY, shut: [...document.querySelectorAll("details.file:not([open])")].map((one) => one.id),
  };
}

async function back(to) {
  for (const file of document.querySelectorAll("details.file")) file.open = !to.shut.includes(file.id);
  const file = to.position && $(`.file[data-position="${to.position}"]`);
  if (!file) return scrollTo({ top: to.scroll, behavior: "instant" });
  const there = (to.line && (await rowAt(file, to.side, to.line))) || file;
  scrollBy({ top: there.getBoundingClientRect().top - to.top, behavior: "instant" });
  if (!to.focus) return;
  const row = await rowAt($(`.file[data-position="${to.focus.position}"]`), to.focus.side, to.focus.line);
  if (row) row.tabIndex = -1;
  row?.focus({ preventScroll: true });
}

/** Loads the page anew in its place, at `url`, where the reader stays at the same line. */
export async function renew(url) {
  keepNow();
  const to = mark();
  const made = await fetchPage(url);
  if (!made) return location.assign(url);
  await show(made, url);
  await back(to);
}

let turning = false;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.switch");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.action === "view") toggleView();
  else renew(link.href);
});

export async function toggleView() {
  const sheet = $("[data-view]");
  if (!sheet || turning) return;
  turning = true;
  const view = sheet.dataset.view === "split" ? "unified" : "split";
  try {
    const headers = { "Content-Type": "application/json" };
    const kept = await fetch("/api/preferences", { method: "PUT", headers, body: JSON.stringify({ view }) });
    if (!kept.ok) throw new Error(kept.statusText);
    const url = new URL(location);
    url.searchParams.delete("view");
    await renew(url);
  } catch {
    say("The view could not be changed. Try again.", { about: "view" });
  } finally {
    turning = false;
  }
}
