"""Viewed: one key marks a file, folds it and goes on; another look takes the mark back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

Enter = Callable[[str], Page]
FILES = {name: "".join(f"{name} {n}\n" for n in range(80)) for name in ("a.py", "b.py", "c.py")}


def test_v_folds_marks_and_goes_to_the_next_that_is_not_viewed(site: Site, enter: Enter) -> None:
    change = site.change("Three", "b", **FILES)
    page = enter("/")
    page.keyboard.press("j")
    page.keyboard.press("v")
    expect(page.locator("#file-1 > summary")).to_be_focused()
    expect(page.locator("#file-0")).not_to_have_attribute("open", "")
    expect(page.locator("#progress")).to_have_text("1 of 3 files viewed")
    expect(page.locator(".outline li.seen")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("v")
    expect(page.locator("#file-1 > summary")).to_be_focused()
    expect(page.locator("#progress")).to_have_text("2 of 3 files viewed")
    page.goto(f"{site.url}/changes/{change}")
    expect(page.locator("#progress")).to_have_text("2 of 3 files viewed")
    expect(page.locator("#file-2")).not_to_have_attribute("open", "")


def test_v_on_a_viewed_file_takes_the_mark_back_and_opens_it(site: Site, enter: Enter) -> None:
    site.change("Three", "b", **FILES)
    page = enter("/")
    page.keyboard.press("v")
    expect(page.locator("#progress")).to_have_text("1 of 3 files viewed")
    page.keyboard.press("k")
    page.keyboard.press("v")
    expect(page.locator("#progress")).to_have_text("0 of 3 files viewed")
    expect(page.locator("#file-0")).to_have_attribute("open", "")
    expect(page.locator("#file-0 > summary")).to_be_focused()


def test_the_button_does_the_same_and_the_file_stays_in_sight(site: Site, enter: Enter) -> None:
    site.change("Three", "b", **FILES)
    page = enter("/")
    page.locator("#file-0 .r.a").nth(60).scroll_into_view_if_needed()
    page.locator("#file-0").get_by_role("button", name="Viewed").click()
    expect(page.locator("#progress")).to_have_text("1 of 3 files viewed")
    expect(page.locator("#file-0")).not_to_have_attribute("open", "")
    expect(page.locator("#file-0 > summary")).to_be_in_viewport()


@pytest.mark.tolerates("console")
def test_a_mark_that_could_not_be_kept_is_taken_back_and_said(site: Site, enter: Enter) -> None:
    site.change("Three", "b", **FILES)
    page = enter("/")
    page.route("**/viewed", lambda route: route.abort())
    page.keyboard.press("v")
    expect(page.locator("#toasts")).to_contain_text("The mark was not kept.")
    expect(page.locator("#file-0")).to_have_attribute("open", "")
    expect(page.locator(".outline li.seen")).to_have_count(0)
