"""What the review page costs its reader, beside other programs that show the same diffs. `make bench-review` prints it.

Everything is real: `narrows serve` as its own process on a data folder, with changes that an agent made; Chromium,
fresh for each visit; the peers as npm gives them. All figures of a table come from one run on one machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import httpx2
import psutil
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.bench.peers import measuring, programs
from tests.bench.peers.corpus import Corpus, corpora
from tests.bench.peers.measuring import Figures
from tests.bench.peers.programs import Shown
from tests.support.server import Server

SIZES = (2_000, 19_000, 120_000)
GOES = 3
ENOUGH = 60.0  # seconds: a peer that took so long is not visited again
OURS = "Narrows"
FROM_HERE_ON_AHEAD = 19_000

NAMES = {
    "first_paint": "first paint, ms",
    "interactive": "interactive, ms",
    "longest_task": "longest task, ms",
    "key": "key → next file painted, ms",
    "slowest_key": "the slowest of these, ms",
    "memory": "renderer's memory, MB",
    "script": "script, kB gzipped",
}
ASKED: dict[int, Figures] = {
    2_000: Figures(None, 250, 100, 32, None, None, 60),
    19_000: Figures(None, 400, 100, 32, None, 200, 60),
    120_000: Figures(None, 500, 100, 32, None, 220, 60),
}

failures: list[str] = []


def verdict(name: str, value: float | None, limit: float | None) -> str:
    """A figure beside what is asked of it."""
    if limit is None:
        return said(value)
    kept = value is not None and value <= limit
    if not kept:
        failures.append(name)
    return f"{said(value)} (asked ≤ {limit:g}{'' if kept else ', **missed**'})"


def said(value: float | None) -> str:
    return f"> {measuring.PATIENCE:.0f} s" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


@dataclass(frozen=True)
class House:
    """A Narrows at work."""

    server: Server

    def shown(self, path: str) -> Shown:
        return Shown(
            self.url + path,
            ready='document.querySelector(".rows .r")',
            next_file="",
            key="j",
            answered='document.activeElement?.matches(".file > summary")',
            cookie=self._cookie(),
        )

    @property
    def url(self) -> str:
        return self.server.link.partition("/?")[0]

    def _cookie(self) -> tuple[str, str]:
        answer = httpx2.get(self.server.link, follow_redirects=False)
        ((name, value),) = answer.cookies.items()
        return name, value

    def first_byte(self, path: str) -> float:
        """Milliseconds until the page begins to come, with its title."""
        assert self.server.http
        began = time.perf_counter()
        with self.server.http.stream("GET", path) as answer:
            parts = answer.iter_raw()
            beginning = next(parts)
            took = time.perf_counter() - began
            assert b"<h1" in beginning, "the page begins with nothing of what it is about"
            for _ in parts:
                pass
        return took * 1000

    def rest(self) -> None:
        """Wait until the server and its children have nothing to do: what is made in the background is made."""
        process = psutil.Process(self.server.pid)
        measuring.settle(process, *process.children(recursive=True))


def start(folder: Path) -> Server:
    env = {"NARROWS_BUDGET": "0", "NARROWS_AGENTS": "1", "HOME": str(folder)}
    return Server(folder, env={**os.environ, **env})


@contextlib.contextmanager
def change(house: House, size: int, corpus: Corpus) -> Iterator[str]:
    """The page of a change with this diff, the only one on the desk: an agent copied the new files over the old."""
    name = f"copies-{size}"
    argv = ["cp", "-rT", str(corpus.tree), "."]
    house.server.post("/api/agents", {"name": name, "family": "command", "argv": argv})
    path = str(corpus.repository.path)
    project = house.server.post("/api/projects", {"path": path, "name": name, "checks": []})["id"]
    number = filed(house.server, project, name, f"A change of {size} lines")
    yield f"/changes/{number}"
    house.server.post(f"/api/changes/{number}/abandonment")


def filed(server: Server, project: int, agent: str, title: str) -> int:
    """A task, and the number of the change that its agent made of it."""
    asked = {"project_id": project, "title": title, "agent": agent}
    task = server.post("/api/tasks", asked)["id"]

    def waiting() -> int | None:
        for made in server.get(f"/api/tasks/{task}")["changes"]:
            assert made["state"] != "needs_attention", made["note"]
            if made["state"] == "in_review":
                return int(made["id"])
        return None

    return server.until(waiting)


def ours(playwright: Playwright, house: House, path: str) -> Figures:
    """A visit with the diff stored and prepared: median of several."""
    for _ in range(2):
        house.first_byte(path)
        house.rest()
    shown = house.shown(path)
    seen = [measuring.measure(playwright, shown) for _ in range(GOES)]
    memory, script = measuring.weigh(playwright, shown)
    return replace(Figures.median(seen), memory=memory, script=script)


def theirs(playwright: Playwright, peer: programs.Peer, corpus: Corpus) -> Figures:
    seen: list[Figures] = []
    began = time.monotonic()
    while len(seen) < GOES and time.monotonic() - began < ENOUGH:
        with _visit(peer, corpus) as shown:
            seen.append(measuring.measure(playwright, shown))
    with _visit(peer, corpus) as shown:
        memory, script = measuring.weigh(playwright, shown)
    return replace(Figures.median(seen), memory=memory, script=script)


@contextlib.contextmanager
def _visit(peer: programs.Peer, corpus: Corpus) -> Iterator[Shown]:
    with tempfile.TemporaryDirectory(prefix="narrows-peer-") as folder, peer(corpus, Path(folder)) as shown:
        yield shown


def table(size: int, corpus: Corpus, found: dict[str, Figures]) -> None:
    """The figures of one diff, a program a column."""
    print(f"\n### {corpus.lines:,} lines of diff, {corpus.rows:,} rows in {corpus.files:,} files\n")
    print(f"Load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    print("| |", " | ".join(found), "|")
    print("|---|" + "---:|" * len(found))
    for field in fields(Figures):
        values = {name: getattr(figures, field.name) for name, figures in found.items()}
        own = values.pop(OURS)
        limit = getattr(ASKED[size], field.name)
        cells = [verdict(f"{size}: {NAMES[field.name]}", own, limit), *map(said, values.values())]
        print(f"| {NAMES[field.name]} |", " | ".join(cells), "|", flush=True)
        for name, value in values.items():
            if size >= FROM_HERE_ON_AHEAD and value is not None and (own is None or own > value):
                failures.append(f"{size}: behind {name} by {NAMES[field.name]}")


def server_side(house: House, size: int, path: str) -> None:
    """First bytes with the diff stored and prepared, and right after a start that has lost what was made."""
    warm = statistics.median(house.first_byte(path) for _ in range(7))
    house.server.stop()
    for file in house.server.data.glob("renderings.db*"):
        file.unlink()
    house.server.start()
    cold = house.first_byte(path)
    house.rest()
    print(f"\nThe server's first byte after {verdict(f'{size}: first byte', warm, 30)} ms;", end=" ")
    print(f"after a start that has lost what was made, {said(cold)} ms.", flush=True)


def in_the_page(playwright: Playwright, house: House, size: int, path: str, corpus: Corpus) -> None:
    """Whether the browser's own find works: all rows are there, and the last file's name is found."""
    seen: list[tuple[int, bool]] = []

    def look(page: Page) -> None:
        page.wait_for_load_state("load")
        rows = page.locator(".rows .r:is(.s, .a, .d)").count()
        last = page.evaluate("[...document.querySelectorAll('.file h3')].at(-1).textContent")
        seen.append((rows, bool(page.evaluate("(text) => window.find(text.trim())", last))))

    measuring.visited(playwright, house.shown(path), look)
    rows, finds = seen[0]
    if size < 20_000 and not (rows >= corpus.rows and finds):
        failures.append(f"{size}: the browser's own find")
    found = "finds" if finds else "does not find"
    print(f"\nRows in the page: {rows:,} of {corpus.rows:,}; the browser's own find {found} the last file.", flush=True)


NEXT = """
const key = "narrows-bench-decided";
addEventListener("keydown", (event) => {
  if (event.key !== "s") return;
  const said = document.querySelector("h1").textContent;
  sessionStorage.setItem(key, JSON.stringify({ at: performance.timeOrigin + event.timeStamp, said }));
}, { capture: true });
(function look() {
  const decided = JSON.parse(sessionStorage.getItem(key) ?? "null");
  const said = document.querySelector("h1")?.textContent;
  if (decided && !decided.took && said && said !== decided.said && document.querySelector(".rows")) {
    decided.took = -1;
    nextFrame().then((painted) => {
      decided.took = performance.timeOrigin + painted - decided.at;
      sessionStorage.setItem(key, JSON.stringify(decided));
    });
  }
  requestAnimationFrame(look);
})();
"""


def next_change(playwright: Playwright, house: House) -> None:
    """Milliseconds from the key that puts a change off until the next one is on screen."""
    projects = {one["name"]: one["id"] for one in house.server.get("/api/projects")}
    for title in ("The first", "The second", "The third", "The fourth"):
        filed(house.server, projects["copies-2000"], "copies-2000", title)
    house.rest()
    shown = house.shown("/")
    took = []
    with measuring.opened(playwright, shown) as (_, page):
        page.add_init_script(NEXT)
        page.goto(shown.url)
        for _ in range(5):
            page.wait_for_load_state("load")
            page.wait_for_timeout(2_000)  # as long as a reader takes at the very least: the next one is fetched ahead
            page.evaluate("sessionStorage.clear()")
            page.keyboard.press("s")
            done = "() => (JSON.parse(sessionStorage.getItem('narrows-bench-decided') ?? 'null')?.took ?? 0) > 0"
            page.wait_for_function(done, timeout=30_000)
            took.append(float(page.evaluate("JSON.parse(sessionStorage.getItem('narrows-bench-decided')).took")))
    print("\n### The next change on screen, after the key that decides\n")
    print(f"{verdict('next change', statistics.median(took), 100)} ms; the slowest of {len(took)}: {max(took):.0f} ms")


def main() -> int:
    reading = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reading.add_argument("--sizes", type=int, nargs="*", default=SIZES, choices=SIZES)
    reading.add_argument("--peers", nargs="*", default=[*programs.PEERS], choices=[*programs.PEERS])
    wanted = reading.parse_args()
    sizes = tuple(wanted.sizes)
    with tempfile.TemporaryDirectory(prefix="narrows-bench-") as name, sync_playwright() as playwright:
        folder = Path(name)
        found = dict(zip(sizes, corpora(folder, sizes), strict=True))
        with start(folder / "data") as server:
            house = House(server)
            for size, corpus in found.items():
                peers = {peer: theirs(playwright, programs.PEERS[peer], corpus) for peer in wanted.peers}
                with change(house, size, corpus) as path:
                    table(size, corpus, {OURS: ours(playwright, house, path), **peers})
                    in_the_page(playwright, house, size, path, corpus)
                    server_side(house, size, path)
            if SIZES[0] in sizes:
                next_change(playwright, house)
    print("\nMissed: " + "; ".join(failures) if failures else "\nEvery limit kept.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
