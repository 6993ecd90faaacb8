"""What a page costs its reader, in a browser of its own: the same figures for every program that shows a diff.

- *first paint*: the browser's own first contentful paint.
- *interactive*: rows of code are there, a key that is pressed is answered and the next frame painted (the page's own
  key for the next file, where it has one), and whatever long tasks (over 50 ms) followed are over.
- *longest task*: of the main thread, up to that moment.
- *key to paint*: from the key to the frame after the next file has come into view.
- *memory*: resident, of the process that renders the page, when nobody has touched it and it has come to rest.
- *script*: of all files that a visit fetches, gzipped each.
"""

from __future__ import annotations

import contextlib
import gzip
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
from playwright.sync_api import Browser, CDPSession, Error, Page, Playwright, Response

from tests.bench.peers.programs import Shown
from tests.support import browser as browsers

PATIENCE = 180.0  # seconds until a page is given up
QUIET_MS = 2_000  # without a long task: the page has come to rest
STEPS = 10  # to the next file
WINDOW = {"width": 1360, "height": 900}

# Keeps what the browser tells of itself; `narrowsFrame` resolves when what was just done has been painted.
WATCH = """
window.watched = { long: [], keys: 0, painted: 0 };
const keep = (entries) => {
  for (const entry of entries) watched.long.push([entry.startTime, entry.duration]);
};
const observer = new PerformanceObserver((list) => keep(list.getEntries()));
observer.observe({ type: "longtask", buffered: true });
window.keepLongTasks = () => keep(observer.takeRecords());
window.nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => resolve(performance.now());
  port1.postMessage(0);
}));
addEventListener("keydown", async (event) => {
  const pressed = event.timeStamp;
  const painted = await nextFrame();
  watched.keys += 1;
  watched.painted = painted;
  watched.took = painted - pressed;
}, { capture: true });
"""
REST = """async () => {
  await nextFrame();
  keepLongTasks();
  const last = watched.long.at(-1);
  return { now: performance.now(), end: last ? last[0] + last[1] : 0, complete: document.readyState === "complete" };
}"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
LONGEST = "() => Math.max(0, ...watched.long.map(([, duration]) => duration))"
TIMED = """async () => {{ const began = performance.now(); {act}; return await nextFrame() - began; }}"""


@dataclass(frozen=True)
class Figures:
    """Milliseconds, megabytes, kilobytes; None where the page did not get so far within the patience."""

    first_paint: float | None
    interactive: float | None
    longest_task: float | None
    key: float | None  # the median of the steps
    slowest_key: float | None
    memory: float | None = None
    script: float | None = None

    @classmethod
    def median(cls, several: list[Figures]) -> Figures:
        """Each figure's median; None as soon as one of them is."""
        return cls(*(_median([getattr(one, name) for one in several]) for name in cls.__dataclass_fields__))


def _median(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.median(there) if len(there) == len(values) else None


@contextlib.contextmanager
def opened(playwright: Playwright, shown: Shown) -> Iterator[tuple[Browser, Page]]:
    """A fresh browser with an empty page, about to go there."""
    browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.flags())
    try:
        context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        if shown.cookie:
            context.add_cookies(
                [{"name": shown.cookie[0], "value": shown.cookie[1], "domain": "127.0.0.1", "path": "/"}]
            )
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.add_init_script(WATCH)
        settle(*_processes(browser))
        yield browser, page
    finally:
        browser.close()


def measure(playwright: Playwright, shown: Shown) -> Figures:
    """What one visit takes its reader."""
    with opened(playwright, shown) as (_, page):
        began = time.monotonic()
        try:
            page.goto(shown.url, wait_until="commit")
            answered = _first_answer(page, shown, began)
            rested = _rest(page, began)
            longest = page.evaluate(LONGEST)
            steps = [_step(page, shown) for _ in range(STEPS)]
        except (TimeoutError, Error) as error:
            if "closed" in str(error):
                raise
            return Figures(None, None, None, None, None)
        return Figures(page.evaluate(PAINT), max(answered, rested), longest, statistics.median(steps), max(steps))


def _first_answer(page: Page, shown: Shown, began: float) -> float:
    """Milliseconds until a key was answered and the frame painted, with rows of code in the page."""
    answered = f"({shown.ready}) && ({shown.answered or 'true'})"
    look = f"async () => Boolean({answered}) && (await nextFrame(), watched.painted)"
    while time.monotonic() - began < PATIENCE:
        page.keyboard.press(shown.key or "F9")
        if seen := page.evaluate(look):
            return float(seen)
    raise TimeoutError


def _rest(page: Page, began: float) -> float:
    """The end of the last long task, once there has been none for a while."""
    quiet = 0
    while time.monotonic() - began < PATIENCE:
        seen = page.evaluate(REST)
        quiet = quiet + 1 if seen["complete"] and seen["now"] - seen["end"] > QUIET_MS else 0
        if quiet == 3:
            return float(seen["end"])
        page.wait_for_timeout(200)
    raise TimeoutError


def _step(page: Page, shown: Shown) -> float:
    """Milliseconds to the next file."""
    page.wait_for_timeout(150)
    if not shown.key:
        return float(page.evaluate(TIMED.format(act=shown.next_file)))
    before = page.evaluate("watched.keys")
    page.keyboard.press(shown.key)
    page.wait_for_function("(before) => watched.keys > before", arg=before)
    return float(page.evaluate("watched.took"))


def _renderer(browser: Browser) -> float | None:
    """Megabytes of the page's renderer: the largest but for those of the browser's own surface; others are spare."""
    renderers = [process for process in _processes(browser) if "--type=renderer" in process.cmdline()]
    pages = [process for process in renderers if "--top-chrome-webui" not in process.cmdline()]
    return max((process.memory_info().rss / 1e6 for process in pages), default=None)


def _processes(browser: Browser) -> list[psutil.Process]:
    session: CDPSession = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return [psutil.Process(one["id"]) for one in found]


def settle(*processes: psutil.Process) -> None:
    """Wait until they have nothing to do."""
    quiet, before = 0, -1.0
    while quiet < 5:
        time.sleep(0.2)
        spent = sum(map(_spent, processes))
        quiet, before = (quiet + 1 if spent - before < 0.02 else 0), spent


def _spent(process: psutil.Process) -> float:
    """Seconds of a processor's time."""
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def weigh(playwright: Playwright, shown: Shown) -> tuple[float | None, float]:
    """The page's memory, in megabytes, and its script, in kilobytes; script that stands in the page counts, too."""
    responses: list[Response] = []
    with opened(playwright, shown) as (browser, page):
        page.context.on("response", lambda response: responses.append(response))
        with contextlib.suppress(TimeoutError, Error):  # a page that never rests is weighed when patience ends
            page.goto(shown.url)
            page.wait_for_function(f"() => Boolean({shown.ready})")
            _rest(page, time.monotonic())
        memory = _renderer(browser)
        fetched = {one.url: one.body() for one in responses if "javascript" in one.headers.get("content-type", "")}
        within = page.evaluate("[...document.scripts].filter((one) => !one.src).map((one) => one.textContent)")
    bodies = (*fetched.values(), *(text.encode() for text in within))
    return memory, sum(len(gzip.compress(body, 9)) for body in bodies) / 1e3


def visited(playwright: Playwright, shown: Shown, look: Callable[[Page], None]) -> None:
    """Open the page as a reader would and look at it."""
    with opened(playwright, shown) as (_, page):
        page.goto(shown.url)
        look(page)
