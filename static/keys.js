// Keys: what they do is the page's word (data-keys); what an action is, is here or is the button that it names.

import { $, $$, typing } from "./dom.js";
import { commentHere, expectForm, typeAhead, typingAhead } from "./comments.js";
import { expandHere } from "./expand.js";
import { openFind } from "./find.js";
import { toggleFocus } from "./focus.js";
import { nextFile, nextHunk, nextLine, otherSide } from "./moving.js";
import { rowOf } from "./rows.js";
import { toggleView } from "./view.js";
import { viewedHere } from "./viewed.js";

const USUAL = {
  next_file: ["j"], previous_file: ["k"], next_hunk: ["n"], previous_hunk: ["p"], comment: ["c"], viewed: ["v"],
  view: ["u"], expand: ["x"], find: ["/"], focus: ["f"], land: ["l"], send_back: ["b"], edit: ["e"], later: ["s"],
  backlog: ["g q"], desk: ["g d"], new_task: ["t"], help: ["?"],
};
const DEEDS = {
  next_file: () => nextFile(1),
  previous_file: () => nextFile(-1),
  next_hunk: () => nextHunk(1),
  previous_hunk: () => nextHunk(-1),
  comment: commentHere,
  viewed: viewedHere,
  view: toggleView,
  expand: expandHere,
  find: openFind,
  focus: toggleFocus,
  edit: editHere,
  backlog: () => location.assign("/tasks"),
  desk: () => location.assign("/"),
  help: () => $("#help").showModal(),
};
const ARROWS = {
  ArrowDown: (event) => nextLine(1, event.shiftKey),
  ArrowUp: (event) => nextLine(-1, event.shiftKey),
  ArrowRight: () => otherSide(1),
  ArrowLeft: () => otherSide(-1),
};

let before = ""; // the first key of two

/** The actions by their keys; {said, of: Map}. `said` is what the page said, to see when it says something else. */
let known = { said: null, of: new Map() };

function actions() {
  const said = document.body.dataset.keys ?? "";
  if (known.said !== said) {
    const table = said ? JSON.parse(said) : USUAL;
    known = { said, of: new Map(Object.entries(table).flatMap(([action, keys]) => keys.map((key) => [key, action]))) };
  }
  return known.of;
}

/** Opens the file that has the focus for editing, at its line; without one, whatever the bar offers. */
function editHere() {
  const focused = document.activeElement;
  const link = $("[data-action='edit']", focused.closest?.(".file") ?? document.createElement("p"));
  if (!link) return $("#bar [data-action='edit']")?.click();
  const line = rowOf(focused)?.dataset.n;
  const url = new URL(link.href);
  if (line) url.searchParams.set("line", line);
  location.assign(url);
}

function button(action, key) {
  const named = $$(`[data-action="${action}"], [data-key="${CSS.escape(key)}"]`);
  return named.find((element) => element.checkVisibility() && !element.disabled);
}

/** Does what a key, or a sequence of two, stands for; false when it stands for nothing here. */
function does(event) {
  const pressed = before ? `${before} ${event.key}` : event.key;
  const all = actions();
  const begins = !before && [...all.keys()].some((keys) => keys.startsWith(`${event.key} `));
  before = begins ? event.key : "";
  const action = all.get(pressed) ?? "";
  const named = button(action, pressed);
  if (DEEDS[action]) DEEDS[action]();
  else if (!named) return false;
  else {
    if (named.hasAttribute("hx-get")) expectForm();
    named.click();
  }
  return true;
}

/** Shuts what is open around an element: its form, the find panel, else the form in the bar. */
function close(element) {
  const around = element.closest?.("form, [data-closes]");
  const shut = around && $("[data-act='cancel'], [data-act='close']", around);
  (shut ?? $("[data-closes] [data-act='close']") ?? $("#bar [data-act='close']"))?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if (event.key === "Escape" && !$("dialog[open]")) return close(event.target);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    return event.target.form.requestSubmit();
  }
  if (event.ctrlKey && event.key === "f" && openFind({ instead: true })) return event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
  if (typingAhead()) {
    if (event.key.length === 1 || event.key === "Enter") typeAhead(event.key === "Enter" ? "\n" : event.key);
    return event.preventDefault();
  }
  if (ARROWS[event.key]) {
    if (ARROWS[event.key](event)) event.preventDefault();
    return;
  }
  if (document.body.dataset.letters === "off" && event.key.length === 1) return;
  if (does(event)) event.preventDefault();
});
