// Drafts: what is typed is kept at each pause, each second without one, and when the page goes. The next page may be
// made before that has arrived at the server: it finds the words in the tab's own storage.

import { $$, ready } from "./dom.js";

const PAUSE = 400; // milliseconds
const LONGEST = 1000; // that typing without a pause goes unkept
const AGAIN = 2000; // after a server did not answer
const waiting = new Map();
const arriving = new Map(); // what is on its way: the next text of its key goes after it, or the older one might come last

export function draftKey(field) {
  if (field.dataset?.draft) return field.dataset.draft;
  const form = field.form;
  return form?.dataset.drafts && field.name ? form.dataset.drafts + field.name : null;
}

function draftText(field) {
  const values = (fields) => fields.map(({ value }) => value).join(",");
  if (field.multiple) return values([...field.selectedOptions]);
  if (field.type !== "checkbox") return field.value;
  return values([...field.form.elements].filter(({ name, checked }) => name === field.name && checked));
}

/** Keep a text at the server; an empty one forgets it. */
export function keep(key, text, more = {}) {
  const path = key.split("/").map(encodeURIComponent).join("/");
  return fetch(`/drafts/${path}`, { method: "PUT", body: new URLSearchParams({ text }), ...more });
}

export function keepSoon(field) {
  const key = draftKey(field);
  if (!key) return;
  const { timer, since = Date.now() } = waiting.get(key) ?? {};
  clearTimeout(timer);
  keepIn(Math.max(0, Math.min(PAUSE, since + LONGEST - Date.now())), key, field, since);
}

/** Keep a field's text in so many milliseconds, and again until a server takes it. */
function keepIn(pause, key, field, since = Date.now()) {
  const send = (more) => {
    waiting.delete(key);
    const now = () => keep(key, draftText(field), more);
    const before = more ? null : arriving.get(key); // a page that goes can't wait
    const sent = (before ? before.then(now) : now()).catch(() => {
      if (field.isConnected && !waiting.has(key)) keepIn(AGAIN, key, field);
    }).finally(() => arriving.get(key) === sent && arriving.delete(key));
    arriving.set(key, sent);
  };
  waiting.set(key, { send, field, since, timer: setTimeout(send, pause) });
}

export function keepNow() {
  for (const [key, { timer, send, field }] of [...waiting]) {
    clearTimeout(timer);
    sessionStorage.setItem(`draft:${key}`, draftText(field));
    send({ keepalive: true });
  }
}

/** Keep every field of a form, whether it was typed in or not. */
export function keepForm(form) {
  const fields = [...form.elements].filter((field) => draftKey(field));
  return Promise.all(fields.map((field) => keep(draftKey(field), draftText(field)).catch(() => {})));
}

function restore() {
  for (const field of $$("input, textarea, select")) {
    const key = draftKey(field);
    const text = key && !waiting.has(key) ? sessionStorage.getItem(`draft:${key}`) : null;
    if (text === null) continue;
    if (field.type === "radio") field.checked = field.value === text;
    else if (field.type === "checkbox") field.checked = text.split(",").includes(field.value);
    else if (field.multiple) for (const option of field.options) option.selected = text.split(",").includes(option.value);
    else field.value = text;
  }
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft:")) sessionStorage.removeItem(key);
}

/** A form that is sent needs no drafts any more: the server forgets them when what was typed has arrived. */
export function sent(form) {
  for (const [key, entry] of waiting) {
    if (entry.field.form !== form) continue;
    clearTimeout(entry.timer);
    waiting.delete(key);
  }
}

for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => keepSoon(event.target));
for (const kind of ["beforeunload", "pagehide"]) addEventListener(kind, keepNow);
document.addEventListener("submit", (event) => sent(event.target));
document.addEventListener("htmx:before:request", ({ target, detail: { ctx } }) => {
  if (ctx.request.method !== "GET") sent(target.form ?? target); // of a button that sends a form elsewhere, the form
  else keepNow();
});
ready(restore);
