"""The clock against a script of what a reader does, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from queue import SimpleQueue

import pytest
from playwright.sync_api import Page, expect

from server.domain.base import now
from server.services import clocks
from server.services.narrows import Narrows
from tests.browser.conftest import Site

Enter = Callable[[str], Page]
COUNT = """
window.told = 0;
const fetched = window.fetch;
window.fetch = (address, ...more) => {
  if (String(address).endsWith("/clock")) window.told += 1;
  return fetched(address, ...more);
};
"""
HIDE = """value => {
  Object.defineProperty(document, "visibilityState", { value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class Afternoon:
    """Time as the page and the server see it goes by when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, site: Site, change: int) -> None:
        self.site, self.change = site, change
        self.at: datetime = now()
        self.told = 0
        self._kept: SimpleQueue[float] = SimpleQueue()
        self._tick = clocks.tick
        monkeypatch.setattr(clocks, "now", lambda: self.at)
        monkeypatch.setattr(clocks, "tick", self._keep)

    def _keep(self, narrows: Narrows, revision_id: int, seconds: float, ended: float | None = None) -> float:
        self._kept.put(self._tick(narrows, revision_id, seconds, ended=ended))
        return 0

    def arrives(self) -> None:
        """Something that was told is kept."""
        self._kept.get(timeout=10)

    def begins(self, *pages: Page) -> None:
        """Time stands still in each window, and the change is opened there."""
        for page in pages:
            page.add_init_script(COUNT)
            page.clock.install(time=self.at)
            page.clock.pause_at(self.at + timedelta(seconds=1))
        for page in pages:
            page.goto(f"{self.site.url}/changes/{self.change}")
            expect(page.locator("article[data-clock]")).to_be_visible()

    def passes(self, page: Page, seconds: int, *, act: Callable[[], object] = lambda: None, each: int = 5) -> None:
        """So many seconds, with a sign of use every `each` of them."""
        for _ in range(0, seconds, each):
            self.at += timedelta(seconds=each)
            self.goes_by(page, each, act=act)

    def goes_by(self, page: Page, seconds: int, *, act: Callable[[], object]) -> None:
        """The same seconds in one window; what it told has arrived when they are over."""
        before = page.evaluate("told")
        act()
        page.clock.run_for(seconds * 1000)
        for _ in range(page.evaluate("told") - before):
            self.told += 1
            self.arrives()

    def read(self, change: int | None = None) -> float:
        return clocks.of_change(self.site.narrows, change or self.change).get(1, 0.0)


def test_only_time_in_sight_and_in_use_counts(site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    change = site.change()
    afternoon = Afternoon(monkeypatch, site, change)
    page = enter("/projects")
    afternoon.begins(page)
    afternoon.passes(page, 180, act=lambda: page.keyboard.press("Shift"))
    truth = 180.0
    afternoon.passes(page, 600)  # out for a coffee: the minute after the last key counts
    truth += 60 - 5
    idle = afternoon.told
    afternoon.passes(page, 60)
    assert afternoon.told == idle, "nothing is told while nothing is read"
    afternoon.passes(page, 45, act=lambda: page.mouse.move(200, 200 + afternoon.at.second))
    truth += 45
    afternoon.goes_by(page, 0, act=lambda: page.evaluate(HIDE, "hidden"))
    afternoon.passes(page, 300, act=lambda: page.mouse.move(300, 300))
    afternoon.goes_by(page, 0, act=lambda: page.evaluate(HIDE, "visible"))
    afternoon.passes(page, 20, act=lambda: page.mouse.wheel(0, 40))
    truth += 20
    afternoon.passes(page, 7, each=1)
    page.goto(f"{site.url}/tasks")
    afternoon.arrives()
    truth += 7
    print(f"told {afternoon.read():.2f} s, read {truth:.0f} s")
    assert abs(afternoon.read() - truth) <= 2


def test_two_windows_of_one_reader(site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    change = site.change()
    afternoon = Afternoon(monkeypatch, site, change)
    one = enter("/projects")
    two = one.context.new_page()
    afternoon.begins(one, two)
    for _ in range(12):  # the second is as busy as the first
        afternoon.passes(one, 5, act=lambda: one.keyboard.press("Shift"))
        afternoon.goes_by(two, 5, act=lambda: two.keyboard.press("Shift"))
    assert 55 <= afternoon.read() <= 61


def test_what_is_read_after_a_decision_is_the_next_change(
    site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = site.change("First"), site.change("Second")
    afternoon = Afternoon(monkeypatch, site, first)
    page = enter("/projects")
    afternoon.begins(page)
    afternoon.passes(page, 40, act=lambda: page.keyboard.press("Shift"))
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second")
    afternoon.arrives()
    assert abs(afternoon.read(first) - 40) <= 1
    # No multiple of what is told at a time, whether the next change stood there at once or its page was loaded.
    afternoon.passes(page, 25, act=lambda: page.keyboard.press("Shift"))
    page.goto(f"{site.url}/tasks")
    afternoon.arrives()
    assert abs(afternoon.read(second) - 25) <= 1
    assert abs(afternoon.read(first) - 40) <= 1


def test_a_decided_change_is_not_being_reviewed(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}")
    page.get_by_role("button", name="Abandon").click()
    page.goto(f"{site.url}/changes/{change}")
    expect(page.get_by_role("button", name="Restore")).to_be_visible()
    assert page.locator("[data-clock]").count() == 0
