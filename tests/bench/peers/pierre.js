// The smallest page around @pierre/diffs: its virtualised view over a whole patch, coloured by its own workers.
import { CodeView, parsePatchFiles } from "@pierre/diffs";
import { getOrCreateWorkerPoolSingleton } from "@pierre/diffs/worker";

const pool = getOrCreateWorkerPoolSingleton({
  poolOptions: { workerFactory: () => new Worker("worker.js", { type: "module" }), poolSize: 2 },
  highlighterOptions: { langs: ["python"] },
});
const view = new CodeView({ diffStyle: "unified", themeType: "system", stickyHeaders: true }, pool);
view.setup(document.getElementById("view"));
const patch = await (await fetch("change.diff")).text();
const files = parsePatchFiles(patch).flatMap((parsed) => parsed.files);
view.setItems(files.map((fileDiff, place) => ({ id: String(place), type: "diff", fileDiff })));
view.render();

let at = 0;
window.nextFile = () => view.scrollTo({ type: "item", id: String(++at), align: "start", behavior: "instant" });
