"""Choosing lines to comment on: with the mouse, a finger, the keyboard, or by what is selected."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from tests.browser import rows
from tests.browser.conftest import AFTER, Site
from tests.web.conftest import TOKEN

Enter = Callable[[str], Page]


def test_a_range_is_seen_while_it_is_drawn(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    added = page.locator("#file-0 .r.a")
    added.nth(0).hover(position={"x": 12, "y": 10})
    page.mouse.down()
    added.nth(2).hover(position={"x": 12, "y": 10})
    expect(page.locator(".r.chosen")).to_have_count(3)
    page.mouse.up()
    expect(page.get_by_label("Comment on lines 3 to 5")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".r.chosen")).to_have_count(0)
    expect(added.nth(2)).to_be_focused()


def test_code_is_selected_as_on_any_page_and_no_form_comes(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    first, last = rows.added(page, "import re"), rows.added(page, "PART = ")
    first.scroll_into_view_if_needed()
    start, end = rows.box(first), rows.box(last)
    page.mouse.move(start["x"] + 140, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 180, end["y"] + 10, steps=4)
    page.mouse.up()
    assert copied(page) == 'rt re\n\nUNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}\nPART = re.'
    expect(page.locator("form.comment-form")).to_have_count(0)


def test_of_a_split_view_one_side_is_copied(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}?view=split")
    page.evaluate(
        """() => {
          const row = (n) => document.querySelector(`#file-0 .r:not(.h)[data-n="${n}"]`);
          getSelection().setBaseAndExtent(row(1), 0, row(6), 1);
        }"""
    )
    *lines, last = copied(page).splitlines()
    assert lines == AFTER.splitlines()[:5]
    assert last.startswith("PART")


def copied(page: Page) -> str:
    """What would be on the clipboard."""
    text: str = page.evaluate(
        """() => {
          const clipboardData = new DataTransfer();
          const event = new ClipboardEvent("copy", { clipboardData, cancelable: true, bubbles: true });
          document.dispatchEvent(event);
          return event.defaultPrevented ? event.clipboardData.getData("text/plain") : getSelection().toString();
        }"""
    )
    return text


def test_a_comment_goes_to_the_lines_that_are_selected(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    page.evaluate(
        """() => {
          const rows = [...document.querySelectorAll("#file-0 .r.a")];
          getSelection().setBaseAndExtent(rows[0], 0, rows[2], rows[2].childNodes.length);
        }"""
    )
    page.keyboard.press("c")
    expect(page.get_by_label("Comment on lines 3 to 5")).to_be_focused()


def test_the_old_side_of_a_split_view(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}?view=split")
    rows.point_at_number(page.locator(".p > .r.d").first)
    expect(page.get_by_label("Comment on old line 3")).to_be_focused()
    assert page.locator(".talk").evaluate("talk => talk.previousElementSibling.className") == "p"


def test_arrows_go_down_a_column_and_across_the_split(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}?view=split")
    page.keyboard.press("n")
    page.keyboard.press("ArrowDown")
    focused = page.locator(".r:focus")
    expect(focused).to_have_attribute("data-n", "1")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("data-o", "1")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("data-o", "2")
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("data-n", "2")


def test_a_tap_on_a_number(site: Site, browser: Browser) -> None:
    site.change()
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{site.url}/?token={TOKEN}")
    row = rows.added(page, "import re")
    row.tap(position={"x": 100, "y": 10})
    expect(page.locator("form.comment-form")).to_have_count(0)
    row.tap(position={"x": 12, "y": 10})
    expect(page.get_by_label("Comment on line 3")).to_be_focused()
    context.close()
