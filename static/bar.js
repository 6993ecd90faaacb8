// The bar at the foot of the page, where a change is decided.

import { $, ready } from "./dom.js";

// An open form covers much of the page: what has the focus above it must not end up behind it.
function cover() {
  const bar = $(".bar.open");
  document.documentElement.classList.toggle("covered", Boolean(bar) && !bar.contains(document.activeElement));
}

for (const kind of ["htmx:after:swap", "focusin", "focusout", "page"]) document.addEventListener(kind, cover);
ready(cover);

// The second click of a double click belongs to what the first one hit. Where something else has come to that place
// meanwhile, such as the next change's buttons, it does nothing there.
const DOES = "#bar a, [method=post] button";
let hit = null;

document.addEventListener("click", (event) => {
  const here = event.target.closest(DOES);
  if (event.detail < 2) hit = here; // none at all: a key
  else if (here && here !== hit) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);
