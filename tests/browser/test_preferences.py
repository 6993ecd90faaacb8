"""Keys of one's own do what they say, and none do anything where single characters are turned off."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from server.services import preferences
from tests.browser.conftest import Site

Enter = Callable[[str], Page]


def test_a_key_is_given_to_another_action(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/preferences")
    page.get_by_label("Next file").fill("l")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("l is taken: next file.")).to_be_visible()
    page.get_by_label("Land, or accept").fill("F8")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".toast")).to_contain_text("Your preferences are kept.")
    page.goto(f"{site.url}/")
    page.keyboard.press("l")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    expect(page.locator("#bar").get_by_role("link", name="Land F8")).to_be_visible()
    page.keyboard.press("F8")
    expect(page.get_by_role("button", name="Land")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("F8")


def test_without_single_characters_only_function_keys_do_something(site: Site, enter: Enter) -> None:
    site.change()
    preferences.put(site.narrows, letters=False, keys={"next_file": ["j", "F8"]})
    page = enter("/")
    for key in ("j", "l", "?", "/", "g", "q"):
        page.keyboard.press(key)
    page.keyboard.press("F8")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    expect(page.locator("#bar.open")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("Parse durations of several units")
