"""Find in the whole change, and the filter over its files."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Site

Enter = Callable[[str], Page]

HIGHLIGHTED = "[...(CSS.highlights.get('found') ?? [])].map(range => range.toString())"


def test_slash_finds_enter_goes_on_and_escape_goes_back_to_the_line(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Find in all lines")
    expect(field).to_be_focused()
    page.keyboard.type("PARSE")
    expect(page.locator("#finding")).to_contain_text("lines in 2 files")
    page.keyboard.press("Enter")
    expect(page.locator("#finding .place")).to_have_text("1 of ")
    expect(page.locator(".found-here")).to_contain_text("def parse(text):")
    assert page.evaluate(HIGHLIGHTED) == ["parse"]
    page.keyboard.press("Enter")
    second = page.locator(".found-here").text_content()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".found-here")).to_contain_text("def parse(text):")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".found-here")).not_to_have_text(second or "")
    expect(page.locator(".found-here")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#finding")).to_have_count(0)
    expect(page.locator(".r:focus")).to_contain_text("parse")


def test_what_is_not_loaded_is_found_loaded_and_shown(site: Site, enter: Enter) -> None:
    body = "".join(f"row {n}\n" for n in range(9000))
    site.change("Large", "b", **{"a.txt": body, "b.txt": body, "c.txt": body + "needle\n" + body})
    page = enter("/")
    expect(page.locator("#file-2 .skeleton")).to_be_attached()
    page.keyboard.press("Control+f")
    page.keyboard.type("NEEDLE")
    page.keyboard.press("Enter")
    row = page.locator("#file-2 .found-here")
    expect(row).to_have_text("needle", timeout=30_000)
    expect(row).to_have_attribute("data-n", "9001")
    expect(row).to_be_in_viewport()


def test_a_fast_typist_does_not_wait_for_the_panel(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    held: list[Route] = []
    page.route("**/search", lambda route: held.append(route))
    with page.expect_request("**/search"):
        page.keyboard.press("/")
    page.keyboard.type("raises")
    page.keyboard.press("Enter")
    held[0].continue_()
    expect(page.locator(".found-here")).to_contain_text("pytest.raises")
    expect(page.get_by_role("searchbox", name="Find in all lines")).to_have_value("raises")


def test_the_browsers_own_find_is_left_alone_where_all_is_there(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    page.keyboard.press("Control+f")
    page.keyboard.press("j")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    expect(page.locator("#finding")).to_have_count(0)


def test_a_hit_is_a_link_that_is_clicked(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    page.get_by_role("link", name="Find").click()
    page.get_by_role("searchbox", name="Find in all lines").fill("raises")
    page.locator("#finding .hits a").click()
    expect(page.locator("#file-1 .found-here")).to_contain_text("pytest.raises")


def test_the_filter_shows_only_the_files_that_have_all_words(site: Site, enter: Enter) -> None:
    site.change("Many", "b", **dict.fromkeys(("src/one.py", "src/two.py", "docs/one.md"), "x\n"))
    page = enter("/")
    page.locator("#filter").fill("one SRC")
    expect(page.locator(".outline li:visible")).to_have_count(1)
    expect(page.locator(".outline li:visible")).to_contain_text("one.py")
    expect(page.locator(".file:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".file:visible > summary")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(".file:visible > summary")).to_be_focused()
    page.locator("#filter").fill("")
    expect(page.locator(".file:visible")).to_have_count(3)
