"""Focus begins with reading and keeps everything else quiet; what happened meanwhile is one line at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from server.services import changes, events, landings
from tests.browser.conftest import Site
from tests.browser.everything import read_twice
from tests.browser.test_axe import violations

Enter = Callable[[str], Page]
LIVE = "() => document.querySelector('#live')?._htmx?.sse?.status === 200"


def reading(enter: Enter, path: str = "/") -> Page:
    """A page that is told what happens, and that the person focuses on."""
    page = enter(path)
    page.wait_for_function(LIVE)
    page.keyboard.press("f")
    expect(page.locator("#bar .focus-sign")).to_be_visible()
    return page


def told(page: Page, site: Site) -> None:
    """Everything that happened so far has come to the page."""
    page.wait_for_function(
        "newest => Number.parseInt(document.querySelector('#live')._htmx.sse.lastEventId, 10) >= newest",
        arg=events.last_id(site.narrows),
    )


def fails_to_land(site: Site, change: int) -> None:
    landing = landings.land(site.narrows, change, revision=1)
    landings.claim(site.narrows, "local")
    landings.fail(site.narrows, landing.id, "The target moved.")


def test_it_begins_by_itself_once_the_page_is_read(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/tasks")
    page.clock.install()
    page.goto(f"{site.url}/")
    sign = page.locator("#bar .focus-sign")
    page.keyboard.press("j")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    expect(sign).to_be_hidden()
    page.clock.run_for(4000)
    page.keyboard.press("j")
    expect(sign).to_be_visible()
    expect(sign).to_contain_text("Reading")
    page.keyboard.press("f")
    expect(sign).to_be_hidden()
    page.clock.run_for(4000)
    page.keyboard.press("j")
    page.reload()
    page.keyboard.press("j")
    page.clock.run_for(4000)
    page.keyboard.press("j")
    expect(page.locator("#file-1 > summary")).to_be_focused()
    expect(sign).to_be_hidden()


def test_nothing_is_told_until_the_change_is_decided(site: Site, enter: Enter) -> None:
    site.change("Read")
    other = site.change("Other", "", **{"other.txt": "1\n"})
    page = reading(enter)
    places = ".top nav a, #bar .buttons > *, h1"
    where = f"() => [...document.querySelectorAll('{places}')].map(one => one.getBoundingClientRect().x)"
    before = page.evaluate(where)
    site.change("Came", "", **{"came.txt": "1\n"})
    fails_to_land(site, other)
    told(page, site)
    expect(page.locator(".toast")).to_have_count(0)
    expect(page.locator("#news")).to_be_hidden()
    expect(page.locator("#count-desk")).to_be_hidden()
    expect(page.locator("#waits")).to_be_hidden()
    assert page.evaluate(where) == before
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Other")
    line = page.locator("#digest .digest")
    expect(line).to_have_text("While you read: 1 change came, 1 landing failed.")
    expect(page.locator("#waits")).to_be_visible()
    expect(page.locator("#bar .focus-sign")).to_be_hidden()
    expect(line.get_by_role("link", name="1 landing failed")).to_have_attribute("href", "/landings#landing-1")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Came")
    expect(line).to_have_count(0)


def test_the_person_ends_it_by_its_button_and_dismisses_the_line(site: Site, enter: Enter) -> None:
    site.change("Read")
    page = reading(enter)
    came = site.change("Came", "", **{"came.txt": "1\n"})
    told(page, site)
    page.get_by_role("button", name="Show news").click()
    line = page.locator("#digest .digest")
    expect(line.get_by_role("link")).to_have_attribute("href", f"/changes/{came}")
    expect(page.locator("#news")).to_be_empty()
    expect(page.locator("#count-desk")).to_have_text("2")
    line.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)


def test_it_goes_on_over_pages_of_the_change_and_ends_on_any_other(site: Site, enter: Enter) -> None:
    change = site.change("Read")
    page = reading(enter, f"/changes/{change}")
    site.change("Came", "", **{"came.txt": "1\n"})
    page.goto(f"{site.url}/changes/{change}?view=split")
    expect(page.locator("#bar .focus-sign")).to_be_visible()
    page.goto(f"{site.url}/changes/{change}/edits/new")
    page.goto(f"{site.url}/changes/{change}")
    expect(page.locator("#bar .focus-sign")).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator("#bar.open .focus-sign")).to_be_visible()
    page.goto(f"{site.url}/tasks")
    expect(page.locator("#digest")).to_have_text("While you read: 1 change came.", use_inner_text=True)
    page.goto(f"{site.url}/changes/{change}")
    expect(page.locator("#bar")).to_be_visible()
    expect(page.locator("#bar .focus-sign")).to_be_hidden()


def test_what_becomes_of_the_change_that_is_read_is_told(site: Site, enter: Enter) -> None:
    change = site.change("Read")
    page = reading(enter)
    changes.abandon(site.narrows, change)
    site.change("Came", "", **{"came.txt": "1\n"})
    told(page, site)
    expect(page.locator("#news")).to_contain_text(f"Change #{change} is abandoned now.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(site: Site, enter: Enter, scheme: Literal["light", "dark"]) -> None:
    change = read_twice(site)
    enter("/tasks").emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page = reading(enter, f"/changes/{change}")
    expect(page.get_by_text("Where you left it")).to_be_visible()
    site.change("Came", "", **{"came.txt": "1\n"})
    told(page, site)
    assert violations(page) == []
    page.keyboard.press("f")
    expect(page.locator("#digest .digest")).to_be_visible()
    assert violations(page) == []


ASK = """
window.asked = 0; window.shown = []; window.handlers = [];
window.Notification = class {
  static permission = sessionStorage.getItem("may") ?? "default";
  static async requestPermission() {
    window.asked += 1;
    this.permission = window.answer ?? "granted";
    sessionStorage.setItem("may", this.permission);
    return this.permission;
  }
  constructor(title, { body, tag }) { window.shown.push([title, body, tag]); }
  addEventListener(kind, act) { window.handlers.push(act); }
  close() {}
};
"""
HIDE = """hidden => {
  Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def wants_notifications(enter: Enter) -> Page:
    page = enter("/tasks")
    page.add_init_script(ASK)
    page.reload()
    assert page.evaluate("asked") == 0
    page.goto(page.url.replace("/tasks", "/preferences"))
    page.get_by_label("When the desk is no longer empty").check()
    page.wait_for_function("() => asked === 1")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".toast")).to_contain_text("Your preferences are kept.")
    return page


def test_a_page_in_the_background_notifies_once_the_desk_fills(site: Site, enter: Enter) -> None:
    page = wants_notifications(enter)
    page.goto(f"{site.url}/tasks")
    page.evaluate(HIDE, True)
    page.wait_for_function("() => performance.getEntriesByName('listens').length === 1")
    site.change("First")
    page.wait_for_function("() => shown.length === 1")
    assert page.evaluate("shown") == [["The desk is no longer empty", "One change waits.", "narrows-desk"]]
    site.change("Second", "", **{"second.txt": "2\n"})
    page.evaluate(HIDE, False)
    told(page, site)
    expect(page.locator("#count-desk")).to_have_text("2")
    assert page.evaluate("shown.length") == 1, "from empty to not empty, and no more"
    with page.expect_navigation():
        page.evaluate("handlers[0]()")
    expect(page.get_by_role("heading", level=1)).to_have_text("First")


@pytest.mark.parametrize("seen", [True, False])
def test_who_looks_on_or_asked_for_nothing_is_not_notified(site: Site, enter: Enter, seen: bool) -> None:
    page = wants_notifications(enter) if seen else enter("/tasks")
    if not seen:
        page.add_init_script(f"{ASK}; Notification.permission = 'granted';")
    page.goto(f"{site.url}/tasks")
    page.wait_for_function(LIVE)
    site.change("First")
    told(page, site)
    expect(page.locator("#count-desk")).to_have_text("1")
    assert page.evaluate("shown") == []


def test_a_refusal_of_the_browser_is_said(site: Site, enter: Enter) -> None:
    page = enter("/tasks")
    page.add_init_script(f"{ASK}; window.answer = 'denied';")
    page.goto(f"{site.url}/preferences")
    box = page.get_by_label("When the desk is no longer empty")
    box.click()
    expect(page.get_by_role("alert")).to_contain_text("This browser may not show notifications.")
    expect(box).not_to_be_checked()
