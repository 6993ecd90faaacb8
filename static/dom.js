// The few words that every module uses.

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
export const typing = (element) => Boolean(element.closest?.("input, textarea, select, [contenteditable]"));

/** Runs `act` once the document has been parsed to its end, at once when it has been. */
export function ready(act) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", act, { once: true });
  else act();
}

/** Resolves to htmx, which comes later than the modules. */
export const htmx = new Promise((resolve) => {
  const there = () => resolve(globalThis.htmx);
  if (globalThis.htmx) return there();
  document.addEventListener("DOMContentLoaded", there); // it is among what is run right before
  addEventListener("load", there);
});

/** The elements of a fragment of HTML that the server made. */
export function elements(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.children];
}

export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** What the first of `ordered` is that `fits`, when all after it fit, too; its place, or the length. */
export function bisect(ordered, fits) {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(ordered[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
