// Narrows' own script: what plain forms and htmx don't do. It runs as soon as it is there, while the page still comes.

import "./drafts.js";
import "./toasts.js";
import "./bar.js";
import "./tabs.js";
import "./focus.js";
import "./live.js";
import "./keys.js";
import "./next.js";
import "./notify.js";
import "./spots.js";
