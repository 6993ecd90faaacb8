// Viewed: a file that was read is folded, and the next one that was not is there.

import { $, htmx } from "./dom.js";
import { ASKED } from "./fragments.js";
import { load } from "./loading.js";
import { fileHere, goToFile, nextUnviewed } from "./moving.js";
import { say } from "./toasts.js";

const isMarked = (form) => form.getAttribute("action").endsWith("/unviewed");

/** Marks the file that is read as viewed, and goes on to the next; or takes its mark away. */
export async function viewedHere() {
  const file = fileHere();
  if (file && $("a.skeleton", file)) await load($("a.skeleton", file));
  const form = file && $("form.viewed", file);
  if (!form) return;
  const marks = !isMarked(form);
  toggle(file, form);
  if (marks) goToFile(nextUnviewed(file) ?? file);
  else goToFile(file);
}

async function toggle(file, form) {
  const marks = !isMarked(form);
  file.open = !marks;
  const entry = $(`.outline li[data-position="${file.dataset.position}"]`);
  const show = (seen) => {
    entry?.classList.toggle("seen", seen);
    file.classList.toggle("seen", seen);
  };
  show(marks);
  if (file.getBoundingClientRect().top < 0) file.scrollIntoView({ block: "start" });
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", headers: ASKED, body });
    const html = await answer.text();
    if (!answer.ok) throw new Error(html);
    await (await htmx).swap({ text: html, target: form, sourceElement: form, swap: "outerHTML" });
  } catch {
    file.open = marks;
    show(!marks);
    say("The mark was not kept. Try again.", { about: "viewed" });
  }
}

document.addEventListener("submit", (event) => {
  const file = event.target.matches("form.viewed") && event.target.closest(".file");
  if (!file) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  toggle(file, event.target);
}, true);
