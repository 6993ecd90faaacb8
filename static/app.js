// Narrows' own script: what plain forms and htmx don't do. One listener a kind of event, on the document.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const typing = (element) => element.closest?.("input, textarea, select, [contenteditable]") !== null;

// Drafts: what is typed is kept at each pause, and at the latest when the page goes. The next page may be made before
// that has arrived at the server: it finds the words in the tab's own storage.

const waiting = new Map();

function draftKey(field) {
  if (field.dataset.draft) return field.dataset.draft;
  const form = field.form;
  return form?.dataset.drafts && field.name ? form.dataset.drafts + field.name : null;
}

function draftText(field) {
  return field.multiple ? [...field.selectedOptions].map((option) => option.value).join(",") : field.value;
}

function keep(key, text, more = {}) {
  const path = key.split("/").map(encodeURIComponent).join("/");
  return fetch(`/drafts/${path}`, { method: "PUT", body: new URLSearchParams({ text }), ...more });
}

function keepSoon(field) {
  const key = draftKey(field);
  if (!key) return;
  clearTimeout(waiting.get(key)?.timer);
  const send = (more) => {
    waiting.delete(key);
    keep(key, draftText(field), more).catch(() => {});
  };
  waiting.set(key, { send, field, timer: setTimeout(send, 400) });
}

function keepNow() {
  for (const [key, { timer, send, field }] of [...waiting]) {
    clearTimeout(timer);
    sessionStorage.setItem(key, draftText(field));
    send({ keepalive: true });
  }
}

function restore() {
  for (const field of $$("input, textarea, select")) {
    const text = draftKey(field) && sessionStorage.getItem(draftKey(field));
    if (text === null) continue;
    if (field.type === "radio") field.checked = field.value === text;
    else if (field.multiple) for (const option of field.options) option.selected = text.split(",").includes(option.value);
    else field.value = text;
  }
  sessionStorage.clear();
}

/** A form that is sent needs no drafts any more: the server forgets them when what was typed has arrived. */
function sent(form) {
  for (const [key, entry] of waiting) {
    if (entry.field.form !== form) continue;
    clearTimeout(entry.timer);
    waiting.delete(key);
  }
}

// Comments on lines.

let anchor = null; // where a range starts: {row, side, line}

function lineOf(row, wanted) {
  const number = (side) => Number($(`td.${side[0]}`, row)?.textContent) || null;
  const side = wanted && number(wanted) ? wanted : number("new") ? "new" : "old";
  return { row, side, line: number(side) };
}

function mark(from, to) {
  $$("tr.chosen").forEach((row) => row.classList.remove("chosen"));
  if (!from || from.row.closest(".file") !== to.row.closest(".file")) return;
  const [low, high] = [from.line, to.line].sort((a, b) => a - b);
  for (const row of $$("table.rows tr", from.row.closest(".file"))) {
    const line = Number($(`td.${from.side[0]}`, row)?.textContent);
    if (line >= low && line <= high) row.classList.add("chosen");
  }
}

function comment(from, to) {
  const file = to.row.closest("[data-position]");
  const sheet = to.row.closest("[data-change]");
  if (!file || !sheet || !to.line) return;
  const same = from && from.side === to.side && from.row.closest("[data-position]") === file;
  const [low, high] = same ? [from.line, to.line].sort((a, b) => a - b) : [to.line, to.line];
  const last = same && from.line > to.line ? from.row : to.row;
  const place = new URLSearchParams({
    revision: sheet.dataset.revision, position: file.dataset.position, side: to.side, line: low, end_line: high,
  });
  const talk = document.createElement("tr");
  const cell = talk.appendChild(document.createElement("td"));
  const slot = cell.appendChild(document.createElement("div"));
  talk.className = "talk";
  cell.colSpan = 4;
  last.after(talk);
  mark(same ? from : to, to);
  htmx.ajax("GET", `/changes/${sheet.dataset.change}/comments/new?${place}`, { target: slot, swap: "outerHTML" });
}

// Moving about with keys.

const box = (element) => (element.matches("summary") ? element.parentElement : element); // a summary sticks

function step(selector, by) {
  const all = $$(selector).filter((element) => element.getClientRects().length);
  const edge = 80;
  const at = document.activeElement.closest?.(selector);
  let next = all.indexOf(at) + by;
  if (!at) {
    const below = all.findIndex((element) => box(element).getBoundingClientRect().top > edge);
    next = by > 0 ? (below < 0 ? all.length - 1 : below) : (below < 0 ? all.length : below) - 1;
  }
  const element = all[Math.max(0, Math.min(all.length - 1, next))];
  if (!element) return;
  element.focus({ preventScroll: true });
  box(element).scrollIntoView({ block: "start" });
}

function stepLine(by, extend) {
  const row = document.activeElement.closest?.("table.rows tr");
  if (!row) return false;
  const all = $$("table.rows tr:not(.talk)", row.closest(".file"));
  const next = all[all.indexOf(row) + by];
  if (!next) return true;
  if (extend) anchor ??= lineOf(row);
  else anchor = null;
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  mark(anchor, lineOf(next));
  return true;
}

function commentHere() {
  let row = document.activeElement.closest?.("table.rows tr");
  const rows = $$("tr", row?.closest("tbody") ?? $("table.rows tbody") ?? document.createElement("tbody"));
  if (!row || row.matches(".hunk")) {
    const from = row ? rows.indexOf(row) : -1;
    row = rows.find((other, place) => place > from && other.matches(".added, .removed"));
  }
  if (row) {
    expectForm();
    comment(anchor, lineOf(row, anchor?.side));
  }
  anchor = null;
}

function close(element) {
  const cancel = element.closest?.("form")?.querySelector("[data-act='cancel'], [data-act='close']");
  (cancel ?? $("#bar [data-act='close']"))?.click();
}

let before = ""; // the first key of two
let ahead = null; // what is typed while a form is on its way: it belongs into that form, and is no key of ours

function expectForm() {
  const mine = { text: "" };
  ahead = mine;
  setTimeout(() => { if (ahead === mine) ahead = null; }, 3000);
}

function typeAhead(field) {
  if (ahead?.text && field.matches("textarea")) {
    field.value += ahead.text;
    keepSoon(field);
  }
  ahead = null;
}

const KEYS = {
  j: () => step(".file > summary", 1), k: () => step(".file > summary", -1),
  n: () => step("tr.hunk", 1), p: () => step("tr.hunk", -1),
  c: commentHere, "?": () => $("#help").showModal(),
  "g d": () => location.assign("/"), "g q": () => location.assign("/tasks"), "g t": () => location.assign("/tasks"),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Escape" && !$("dialog[open]")) return close(event.target);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    return event.target.form.requestSubmit();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
  if (ahead) {
    if (event.key.length === 1) ahead.text += event.key;
    return event.preventDefault();
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (stepLine(event.key === "ArrowDown" ? 1 : -1, event.shiftKey)) event.preventDefault();
    return;
  }
  const pressed = before ? `${before} ${event.key}` : event.key;
  before = event.key === "g" && !before ? "g" : "";
  const act = KEYS[pressed] ?? (pressed.length === 1 && /[a-z]/.test(pressed) && $(`[data-key="${pressed}"]`));
  if (!act) return;
  event.preventDefault();
  if (typeof act === "function") return act();
  if (act.hasAttribute("hx-get")) expectForm();
  act.click();
});

const ACTS = {
  dismiss: (element) => element.closest(".toast").remove(),
  close: () => {},
  cancel: (element, event) => {
    const form = element.closest("form");
    const field = $("[data-draft]", form);
    event.preventDefault();
    sent(form);
    if (field) keep(field.dataset.draft, "").catch(() => {});
    (form.closest("tr.talk") && form.parentElement.childElementCount === 1 ? form.closest("tr.talk") : form).remove();
    mark(null, null);
  },
};

document.addEventListener("click", (event) => {
  const acting = event.target.closest("[data-act]");
  if (acting && (acting.dataset.act !== "cancel" || $("article.sheet"))) return ACTS[acting.dataset.act](acting, event);
  const number = event.target.closest("table.rows td.no");
  if (!number || number.closest("tr.hunk")) return;
  const here = lineOf(number.parentElement, number.matches(".o") ? "old" : "new");
  if (event.shiftKey && anchor) getSelection().removeAllRanges();
  comment(event.shiftKey ? anchor : null, here);
  anchor = here;
});

document.addEventListener("pointerdown", (event) => {
  const number = event.target.closest("table.rows td.no");
  if (number && !event.shiftKey && !number.closest("tr.hunk") && event.pointerType === "mouse") {
    event.preventDefault();
    anchor = lineOf(number.parentElement, number.matches(".o") ? "old" : "new");
  }
});

document.addEventListener("pointerup", (event) => {
  const row = event.target.closest("table.rows tr:not(.talk)");
  if (!anchor || !row || row === anchor.row || event.shiftKey || !event.target.closest("td.no")) return;
  comment(anchor, lineOf(row, anchor.side));
});

for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => keepSoon(event.target));
document.addEventListener("submit", (event) => sent(event.target));
for (const kind of ["beforeunload", "pagehide"]) addEventListener(kind, keepNow);
restore();

// htmx: an error that no form shows is a toast; what leaves the page keeps what was typed.

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  ahead = null;
  if (ctx.hx.own) return;
  ctx.hx.retarget = "#toasts";
  ctx.hx.reswap = "beforeend";
});
document.addEventListener("htmx:before:request", ({ target, detail: { ctx } }) => {
  if (ctx.request.method !== "GET") sent(target);
  else keepNow();
});

// Toasts: a later one takes the place of an earlier one about the same; each goes by itself when nobody is at it.

function settle() {
  const newest = new Map($$(".toast").map((toast) => [toast.dataset.about || toast, toast]));
  for (const toast of $$(".toast")) {
    if (newest.get(toast.dataset.about || toast) !== toast) toast.remove();
    else if (!toast.dataset.going) leaveSoon(toast);
  }
}

function leaveSoon(toast) {
  toast.dataset.going = "soon";
  setTimeout(() => (toast.matches(":hover, :focus-within") ? leaveSoon(toast) : toast.remove()), 15000);
}

settle();

document.addEventListener("htmx:after:swap", () => {
  settle();
  const field = $("[data-focus]");
  if (!field) return;
  field.removeAttribute("data-focus");
  field.focus({ preventScroll: true }); // the bar is always in view: focusing it must not move what is read
  typeAhead(field);
  if (!field.closest("#bar")) field.scrollIntoView({ block: "nearest" });
});

// Live: the desk shows what arrives when nothing is being read there; a transcript follows its end.

document.addEventListener("arrived", () => {
  if ($("[data-desk='empty']")) location.assign("/");
});

const transcript = $("[data-follow]");
if (transcript) {
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
htmx.registerExtension("chosen", {
  htmx_before_morph_attr: (element, { attrName }) => attrName !== "open" || !chosen.has(element),
});

function tick() {
  for (const time of $$("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(time.dateTime)) / 1000));
    time.textContent = seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
}

if ($("[data-since]") || $("#runs")) setInterval(tick, 1000);
if (new URLSearchParams(location.search).has("done")) {
  history.replaceState(null, "", location.pathname + location.hash);
}
