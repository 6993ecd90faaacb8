"""Keys do what the person's own table says, and nothing where single characters are turned off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from server.domain.diff import View
from server.domain.states import ChangeState
from server.services import changes, preferences
from tests.browser.conftest import Site

Enter = Callable[[str], Page]

TOP = "element => Math.round(element.getBoundingClientRect().top)"


def test_keys_of_ones_own(site: Site, enter: Enter) -> None:
    site.change()
    preferences.put(site.narrows, keys={"next_file": ("w", "F8"), "backlog": ("q q",)})
    page = enter("/")
    page.keyboard.press("j")
    expect(page.locator("body")).to_be_focused()
    page.keyboard.press("w")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    page.keyboard.press("F8")
    expect(page.locator("#file-1 > summary")).to_be_focused()
    page.keyboard.press("q")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", level=1)).to_have_text("Backlog")


def test_no_bare_character_does_anything_where_they_are_turned_off(site: Site, enter: Enter) -> None:
    change = site.change()
    preferences.put(site.narrows, letters=False, keys={"next_file": ("j", "F8")})
    page = enter("/")
    for key in "jnclbs/?vxu":
        page.keyboard.press(key)
    expect(page.locator("body")).to_be_focused()
    expect(page.locator("#bar form.bar-form, #finding, #help[open]")).to_have_count(0)
    assert changes.get(site.narrows, change).state is ChangeState.IN_REVIEW
    page.keyboard.press("F8")
    expect(page.locator("#file-0 > summary")).to_be_focused()


def test_one_letter_never_lands(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter("/")
    for _ in range(3):
        page.keyboard.press("l")
        expect(page.locator("#bar form.bar-form")).to_be_visible()
    assert changes.get(site.narrows, change).state is ChangeState.IN_REVIEW
    page.keyboard.press("Escape")
    expect(page.locator("#bar form.bar-form")).to_have_count(0)


@pytest.mark.parametrize("by", ["key", "switch"])
def test_the_view_turns_around_the_line_that_is_read(site: Site, enter: Enter, by: str) -> None:
    lines = [f"value_{n} = {n}\n" for n in range(300)]
    site.repository.commit(files={"one.py": "".join(lines)})
    site.change(
        "Many", "b", **{"one.py": "".join(f"other_{n} = {n}\n" if n % 9 == 0 else lines[n] for n in range(300))}
    )
    page = enter("/")
    row = page.locator('.r.a[data-n="154"]')
    row.evaluate("row => scrollBy(0, row.getBoundingClientRect().top - 80)")
    before = row.evaluate(TOP)
    if by == "key":
        page.keyboard.press("u")
    else:
        page.evaluate("document.querySelector('.switch[data-action=view]').click()")
    expect(page.locator("article.sheet")).to_have_attribute("data-view", "split")
    expect(row).to_be_in_viewport()
    moved = page.locator('.p > .r[data-n="154"]').evaluate(TOP)
    assert abs(moved - before) <= 40, "at the same height, or the line beside it"
    assert preferences.get(site.narrows).view is View.SPLIT
    page.keyboard.press("u")
    expect(page.locator("article.sheet")).to_have_attribute("data-view", "unified")
    expect(row).to_be_in_viewport()
