"""The clock against the truth: ten sessions of reading in Chromium, with gaps, hidden tabs, and windows side by side.

A session is a script of signs of use. The truth comes from its own actions, each timed as it is done, and of pages that
come and go the browser says when they did: one reads while a page is in sight and within 60 seconds of the last sign of
use, and to open a page or to bring it into sight is one; of several windows any will do, as they have one reader. It
runs in real time, all sessions at once, each on a server of its own. Hidden is what the page is told to be: headless
Chromium shows every tab.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from server.services import clocks
from tests.bench import common
from tests.browser.conftest import Site, site_in
from tests.support.browser import chromium, flags
from tests.support.house import narrows_in
from tests.support.template import Template
from tests.web.conftest import TOKEN, Worker

ASKED = 2.0  # seconds that the clock may be off
IDLE = 60.0
ARRIVES = 3.0  # seconds in which what was told last has surely been kept
THERE: Literal["domcontentloaded"] = "domcontentloaded"  # the page's script has begun
PATIENCE = 120_000  # milliseconds until a page is there, on a busy machine
HIDE = """hidden => {
  Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

WHEN = """stages => {
  const [page] = performance.getEntriesByType("navigation");
  return performance.timeOrigin + stages.map((stage) => page[stage]).find(Boolean);
}"""
CAME = ("domInteractive",)  # its script begins right after that
WENT = ("unloadEventStart", "responseStart")  # of the page before: the first that the browser tells

Stretch = tuple[float, float]  # begins, ends


@dataclass
class Window:
    """A tab with a change in it, and when it was in sight and in use."""

    page: Page
    stretches: list[Stretch] = field(default_factory=list)  # one for each sign of use

    async def opens(self, address: str) -> None:
        await self.page.goto(address, wait_until=THERE)
        await self.came()

    async def came(self) -> None:
        """Another page is there."""
        self.signed(await self._when(CAME))

    async def signs(self) -> None:
        """A key that does nothing is pressed."""
        await self.page.keyboard.press("Shift")
        self.signed(time.time())

    def signed(self, at: float) -> None:
        self.stretches.append((at, at + IDLE))

    async def hides(self) -> None:
        await self.page.evaluate(HIDE, True)
        self.gone(time.time())

    async def shows(self) -> None:
        """Into sight, which is a sign of use."""
        await self.page.evaluate(HIDE, False)
        self.signed(time.time())

    def gone(self, at: float) -> None:
        """Out of sight."""
        self.stretches = [(begins, min(ends, at)) for begins, ends in self.stretches]

    async def leaves(self, address: str) -> None:
        """For another page; this one is in sight until the other begins to come."""
        await self.page.goto(address, wait_until=THERE)
        self.gone(await self._when(WENT))

    async def loads_anew(self) -> None:
        await self.page.reload(wait_until=THERE)
        self.gone(await self._when(WENT))
        await self.came()

    async def goes_back(self) -> None:
        await self.page.go_back(wait_until=THERE)
        await self.came()

    async def _when(self, stages: tuple[str, ...]) -> float:
        """When the page that is there now came to a stage, in seconds since 1970."""
        return float(await self.page.evaluate(WHEN, stages)) / 1000

    async def closes(self) -> None:
        self.gone(time.time())
        await self.page.close(run_before_unload=True)


@dataclass
class Session:
    """One reader at one server."""

    site: Site
    context: BrowserContext
    changes: list[int]
    windows: list[Window] = field(default_factory=list)

    async def window(self, change: int = 0) -> Window:
        """A new tab, with one of the changes in it."""
        made = Window(await self.context.new_page())
        self.windows.append(made)
        await made.opens(self.address(change))
        return made

    def address(self, change: int = 0) -> str:
        return f"{self.site.url}/changes/{self.changes[change]}"

    async def reads(self, window: Window, seconds: float, every: float = 4.0) -> None:
        """Signs of use for so long, the last one at the end."""
        end = time.time() + seconds
        while (left := end - time.time()) > 0:
            await asyncio.sleep(min(every, left))
            await window.signs()

    @property
    def truth(self) -> float:
        """Seconds that were read, in whichever window."""
        total, reached = 0.0, 0.0
        for begins, ends in sorted(stretch for window in self.windows for stretch in window.stretches):
            total += max(0.0, ends - max(begins, reached))
            reached = max(reached, ends)
        return total

    @property
    def told(self) -> float:
        return sum(sum(clocks.of_change(self.site.narrows, change).values()) for change in self.changes)


Script = Callable[[Session], Awaitable[None]]


async def steadily(session: Session) -> None:
    """100 s without a gap, then to another page"""
    window = await session.window()
    await session.reads(window, 100)
    await window.leaves(f"{session.site.url}/tasks")


async def thinking(session: Session) -> None:
    """gaps of 40 and 55 s, which count whole"""
    window = await session.window()
    for gap in (40, 55):
        await session.reads(window, 10)
        await asyncio.sleep(gap)
    await session.reads(window, 10)
    await window.leaves(f"{session.site.url}/tasks")


async def coffee(session: Session) -> None:
    """a gap of 97 s, of which 60 count"""
    window = await session.window()
    await session.reads(window, 22)
    await asyncio.sleep(97)
    await session.reads(window, 31)
    await window.leaves(f"{session.site.url}/tasks")


async def another_tab(session: Session) -> None:
    """hidden for 50 s, read before and after"""
    window = await session.window()
    await session.reads(window, 33)
    await window.hides()
    await asyncio.sleep(50)
    await window.shows()
    await session.reads(window, 41)
    await window.leaves(f"{session.site.url}/tasks")


async def in_and_out(session: Session) -> None:
    """hidden six times, idle before some of them, keys meanwhile"""
    window = await session.window()
    for gap in (3, 11, 70, 2, 17, 64):
        await session.reads(window, 4, every=2)
        await asyncio.sleep(gap)
        await window.hides()
        await asyncio.sleep(3)
        await window.shows()
    await window.leaves(f"{session.site.url}/tasks")


async def side_by_side(session: Session) -> None:
    """two windows of one change, used in turn"""
    one, two = await session.window(), await session.window()
    for _ in range(6):
        await session.reads(one, 9)
        await session.reads(two, 7)
    await one.leaves(f"{session.site.url}/tasks")
    await two.leaves(f"{session.site.url}/tasks")


async def two_changes(session: Session) -> None:
    """two windows of two changes; one is left standing, one opened for a look"""
    one, two = await session.window(), await session.window(1)
    await session.reads(one, 5)
    await session.reads(two, 90)
    three = await session.window()
    await session.reads(three, 4)
    await three.closes()
    await session.reads(two, 11)
    await asyncio.sleep(75)
    await session.reads(one, 20)
    await one.closes()
    await two.closes()


async def closed(session: Session) -> None:
    """the tab is closed after 37 s"""
    window = await session.window()
    await session.reads(window, 37)
    await window.closes()


async def next_one(session: Session) -> None:
    """three changes, each in the place of the one before"""
    window = await session.window()
    for seconds in (21, 38):
        await session.reads(window, seconds)
        before = await window.page.locator("h1").text_content()
        await window.page.keyboard.press("s")
        await window.page.wait_for_function("before => document.querySelector('h1').textContent !== before", arg=before)
        await window.signs()
    await session.reads(window, 26)
    await window.leaves(f"{session.site.url}/tasks")


async def to_and_fro(session: Session) -> None:
    """left for another page, back by the browser's button, loaded anew"""
    window = await session.window()
    await session.reads(window, 18)
    await window.leaves(f"{session.site.url}/tasks")
    await asyncio.sleep(20)
    await window.goes_back()
    await session.reads(window, 23)
    await window.loads_anew()
    await asyncio.sleep(80)
    await session.reads(window, 9)
    await window.closes()


SESSIONS: tuple[Script, ...] = (
    steadily,
    thinking,
    coffee,
    another_tab,
    in_and_out,
    side_by_side,
    two_changes,
    closed,
    next_one,
    to_and_fro,
)


@contextlib.asynccontextmanager
async def session_at(browser: Browser, site: Site, changes: list[int]) -> AsyncIterator[Session]:
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    await page.goto(f"{site.url}/projects?token={TOKEN}")
    await page.close()
    yield Session(site, context, changes)
    await context.close()


async def play(sites: list[tuple[Script, Site, list[int]]]) -> list[Session]:
    """Every session to its end; they begin together, once all have got in one after the other."""
    async with async_playwright() as playwright, AsyncExitStack() as stack:
        browser = await playwright.chromium.launch(executable_path=str(chromium()), args=flags())
        stack.push_async_callback(browser.close)
        held = [await stack.enter_async_context(session_at(browser, site, changes)) for _, site, changes in sites]
        await asyncio.gather(*(script(session) for (script, *_), session in zip(sites, held, strict=True)))
        await asyncio.sleep(ARRIVES)
        return held


def site_of(folder: Path, template: Template, stack: ExitStack) -> tuple[Site, list[int]]:
    """A server with three changes to read."""
    folder.mkdir()
    narrows = stack.enter_context(narrows_in(folder))
    site = stack.enter_context(site_in(folder, narrows, Worker(narrows), template))
    return site, [site.change(f"Change {n}", "", **{f"part{n}.py": f"x = {n}\n" * 90}) for n in range(3)]


def main() -> int:
    wishes = common.options("clock", __doc__)
    wishes.add_argument("--only", nargs="*", default=[script.__name__ for script in SESSIONS], help="sessions by name")
    only = wishes.parse_args().only
    scripts = [script for script in SESSIONS if script.__name__ in only]
    with common.own_home(), common.workplace("clock") as folder, ExitStack() as stack:
        template = Template.make(folder / "template", {"README.md": "# Durations\n"}, name="durations")
        sites = [(script, *site_of(folder / script.__name__, template, stack)) for script in scripts]
        held = asyncio.run(play(sites))
        faults = []
        print(f"{'session':14} {'truth, s':>9} {'told, s':>9} {'off, s':>7}")
        for script, session in zip(scripts, held, strict=True):
            off = session.told - session.truth
            print(f"{script.__name__:14} {session.truth:9.1f} {session.told:9.1f} {off:+7.1f}  {script.__doc__}")
            if abs(off) > ASKED:
                faults.append(f"{script.__name__} is off by {off:+.1f} s; asked are {ASKED:g}.")
    return common.conclude(faults)


if __name__ == "__main__":
    sys.exit(main())
