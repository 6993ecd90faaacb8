"""Unchanged lines around a hunk, as the reader asks for them; what is read stays where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Site

Enter = Callable[[str], Page]

LINES = [f"value_{n} = {n}\n" for n in range(1, 201)]
CHANGED = (60, 130)  # line numbers
HEAD = "".join("changed\n" if n + 1 in CHANGED else line for n, line in enumerate(LINES))
TOP = "element => Math.round(element.getBoundingClientRect().top)"


@pytest.fixture
def long(site: Site) -> int:
    site.repository.commit(files={"one.py": "".join(LINES)})
    return site.change("Long", "b", **{"one.py": HEAD})


def numbers(page: Page) -> list[int]:
    """The new file's lines that are shown, from top to bottom."""
    found: list[int] = page.locator(".r:not(.h)[data-n]").evaluate_all("rows => rows.map(row => Number(row.dataset.n))")
    return found


def heading(page: Page, place: int) -> Locator:
    return page.locator(".r.h").nth(place)


def test_above_below_and_all_of_a_gap(long: int, enter: Enter) -> None:
    page = enter("/")
    second = heading(page, 1)
    expect(second).to_have_attribute("data-gap", "63")
    second.get_by_role("button", name="Show 20 lines above").click()
    expect(second).to_have_attribute("data-gap", "43")
    second.get_by_role("button", name="Show 20 lines below the hunk above").click()
    expect(second).to_have_attribute("data-gap", "23")
    assert numbers(page) == [*range(57, 84), *range(107, 134)]
    second.get_by_role("button", name="Show all 23 hidden lines").click()
    expect(second).not_to_have_attribute("data-gap", "23")
    assert numbers(page) == list(range(57, 134))
    expect(second.get_by_role("button")).to_have_count(0)


def test_they_are_there_however_late_the_script_comes(long: int, enter: Enter, site: Site) -> None:
    page = enter("/projects")
    late: list[Route] = []
    page.route("**/expand*.js", lambda route: late.append(route))
    page.goto(site.url, wait_until="commit")
    expect(heading(page, 0)).to_be_visible()
    page.evaluate("() => new Promise(shown => requestAnimationFrame(() => requestAnimationFrame(shown)))")
    for route in late:
        route.continue_()
    expect(heading(page, 0).get_by_role("button", name="Show all 56 hidden lines")).to_be_visible()


def test_to_the_start_and_to_the_end_of_the_file(long: int, enter: Enter) -> None:
    page = enter("/")
    heading(page, 0).get_by_role("button", name="Show all 56 hidden lines").click()
    expect(page.locator('.r.s[data-n="1"]')).to_be_attached()
    tail = page.locator(".r.tail")
    tail.get_by_role("button", name="Show 20 lines below the hunk above").click()
    expect(tail).to_have_attribute("data-gap", "47")
    expect(tail).to_have_attribute("data-n", "154")
    tail.get_by_role("button", name="Show all 47 hidden lines").click()
    expect(tail).to_have_count(0)
    shown = numbers(page)
    assert shown == [*range(1, 64), *range(127, 201)]
    text = page.locator('.r.s[data-n="200"]').text_content()
    assert text == "value_200 = 200"


def test_x_shows_more_above_the_hunk_that_is_read_and_that_stays_in_its_place(long: int, enter: Enter) -> None:
    page = enter("/")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.evaluate("scrollBy(0, -200)")
    changed = page.locator('.r.a[data-n="130"]')
    before = changed.evaluate(TOP)
    page.keyboard.press("x")
    expect(page.locator('.r.s[data-n="107"]')).to_be_attached()
    assert abs(changed.evaluate(TOP) - before) <= 1
    page.keyboard.press("x")
    expect(page.locator('.r.s[data-n="87"]')).to_be_attached()
    assert abs(changed.evaluate(TOP) - before) <= 1
    expect(heading(page, 1)).to_be_focused()


def test_a_comment_on_a_line_that_was_asked_for(long: int, enter: Enter) -> None:
    page = enter("/")
    heading(page, 0).get_by_role("button", name="Show 20 lines above").click()
    page.locator('.r.s[data-n="40"]').click(position={"x": 12, "y": 10})
    expect(page.get_by_label("Comment on line 40")).to_be_focused()


def test_in_split_view_both_sides_are_there(long: int, enter: Enter) -> None:
    page = enter(f"/changes/{long}?view=split")
    heading(page, 0).get_by_role("button", name="Show 20 lines above").click()
    row = page.locator('.p > .r[data-n="37"]')
    expect(row).to_have_text("value_37 = 37")
    expect(page.locator('.p > .r[data-o="37"]')).to_have_text("value_37 = 37")


def test_many_lines_come_in_chunks_that_cost_nothing_out_of_sight(site: Site, enter: Enter) -> None:
    lines = [f"row {n}\n" for n in range(1, 1001)]
    site.repository.commit(files={"long.txt": "".join(lines)})
    site.change("Far apart", "b", **{"long.txt": "".join(["first\n", *lines[1:-1], "last\n"])})
    page = enter("/")
    page.locator(".r.h[data-gap]").get_by_role("button", name="Show all").click()
    expect(page.locator(".r.s")).to_have_count(998)
    assert numbers(page) == list(range(1, 1001))
    most = page.locator(".chunk").evaluate_all("chunks => Math.max(...chunks.map(chunk => chunk.childElementCount))")
    assert most <= 210
