// Toasts: a later one takes the place of an earlier one about the same; each goes by itself when nobody is at it.

import { $, $$, elements, htmx, make, ready } from "./dom.js";

const STAYS = 15000; // milliseconds

function settle() {
  if (document.documentElement.classList.contains("in-focus")) for (const news of $$(".toast[data-news]")) news.remove();
  const newest = new Map($$(".toast").map((toast) => [toast.dataset.about || toast, toast]));
  for (const toast of $$(".toast")) {
    if (newest.get(toast.dataset.about || toast) !== toast) toast.remove();
    else if (!toast.dataset.going) leaveSoon(toast);
  }
}

function leaveSoon(toast) {
  toast.dataset.going = "soon";
  setTimeout(() => (toast.matches(":hover, :focus-within") ? leaveSoon(toast) : toast.remove()), STAYS);
}

/** Says a sentence. With a link it stays until it is dismissed: there is something to do about it. */
export function say(sentence, { about = "", link = "", words = "See it" } = {}) {
  const line = make("p", {}, sentence);
  if (link) line.append(" ", make("a", { href: link }, words));
  const dismiss = make("button", { type: "button", className: "icon-button", ariaLabel: "Dismiss" }, "×");
  dismiss.dataset.act = "dismiss";
  const toast = make("div", { className: "toast" }, line, dismiss);
  toast.dataset.about = about;
  if (link) toast.dataset.going = "when dismissed";
  $("#toasts").append(toast);
  settle();
  return toast;
}

/** Shows what the server answered: a toast as it makes them, or an error. */
export async function show(html) {
  const made = elements(html);
  $("#toasts").append(...made);
  settle();
  for (const element of made) (await htmx).process(element);
}

// An error that no form shows is a toast.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.hx.own) return;
  ctx.hx.retarget = "#toasts";
  ctx.hx.reswap = "beforeend";
});
document.addEventListener("click", (event) => event.target.closest("[data-act='dismiss']")?.closest(".toast, .digest").remove());
document.addEventListener("htmx:after:swap", settle);

// What stays until it is dismissed stays on the next page, too; on the page of its change it is said once more.
const CARRIED = "toasts";
const change = (address) => /\/changes\/\d+/.exec(address)?.[0];
addEventListener("pagehide", () => {
  const staying = $$(".toast[data-going='when dismissed']").map((toast) => {
    const link = $("a", toast);
    return [$("p", toast).firstChild.data, { about: toast.dataset.about, link: link.href, words: link.textContent }];
  });
  if (staying.length) sessionStorage.setItem(CARRIED, JSON.stringify(staying));
});
ready(() => {
  settle();
  const carried = JSON.parse(sessionStorage.getItem(CARRIED) ?? "[]");
  sessionStorage.removeItem(CARRIED);
  for (const [sentence, more] of carried) say(sentence, change(more.link) === change(location) ? { about: more.about } : more);
});
