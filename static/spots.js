// A link to a line of a file on the page: the file is unfolded, loaded that far, and the line has the focus.

import { focusRow } from "./comments.js";
import { $ } from "./dom.js";
import { rowAt } from "./loading.js";

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-line][href^='#file-']");
  const file = link && $(link.getAttribute("href"));
  if (!file || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  file.hidden = false;
  file.open = true;
  const row = await rowAt(file, link.dataset.side, Number(link.dataset.line));
  if (row) focusRow(row);
  (row ?? file).scrollIntoView({ block: row ? "center" : "start" });
});
