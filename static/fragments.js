// Pieces of pages, asked for by hand where htmx is not there yet or would be in the way.

import { say, show } from "./toasts.js";

export const ASKED = { "HX-Request": "true", Accept: "text/html" };

/** The HTML that an address answers with; null when it was refused, which a toast has said then. */
export async function piece(url, options = {}) {
  try {
    const answer = await fetch(url, { headers: ASKED, ...options });
    const html = await answer.text();
    if (answer.ok) return html;
    await show(html);
  } catch {
    say("Narrows can't be reached. What you typed is still here.");
  }
  return null;
}
