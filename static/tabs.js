// On a narrow screen the pages' tabs are a row to scroll: it begins where the one is that is open.

import { $, ready } from "./dom.js";

function reveal() {
  const tab = $(".top nav [aria-current]");
  if (!tab) return;
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.clientWidth) / 2;
}

document.addEventListener("page", reveal);
ready(reveal);
