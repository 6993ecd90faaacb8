"""A forecast in a browser: said in words wherever a change waits, made true while the page is read, moving nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from server.domain.forecast import Prospect
from server.services import changes, forecasts, rebases
from tests.browser.conftest import AFTER, BEFORE, Site
from tests.browser.test_watching import LISTENS

Enter = Callable[[str], Page]
PLACES = """() => [...document.querySelectorAll("h1, h2, .file, .bar, .buttons > *, .list > li > *")]
  .map((each) => { const box = each.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; })"""
OTHERS = PLACES.replace(".bar, .buttons > *", ".buttons > :not(.up-to-date)")  # the bar grows upwards


def foresee(site: Site) -> None:
    while forecasts.advance(site.narrows, site.project.id):
        pass


def crossing(site: Site) -> tuple[int, int]:
    """Two changes, of which the second conflicts once the first has landed."""
    return site.change("First"), site.change("Second", **{"durations.py": AFTER.replace('"d"', '"w"')})


def places(page: Page) -> Any:
    return page.evaluate(PLACES)


def test_the_sheet_says_what_a_change_has_before_it(site: Site, enter: Enter) -> None:
    first, second = crossing(site)
    foresee(site)
    page = enter(f"/changes/{second}")
    forecast = page.locator("#forecast")
    expect(forecast.locator("summary")).to_have_text(f"Lands cleanly on main now; conflicts with #{first}")
    forecast.locator("summary").click()
    expect(forecast).to_contain_text(f"After #{first} First lands, this conflicts in durations.py.")
    link = forecast.get_by_role("link", name=f"Show the conflict with #{first}")
    expect(link).to_have_attribute("href", f"/changes/{second}/conflict?with={first}")


def test_the_land_form_says_what_it_does_to_others(site: Site, enter: Enter) -> None:
    first, second = crossing(site)
    foresee(site)
    page = enter(f"/changes/{first}")
    page.keyboard.press("l")
    expect(page.locator("#consequence")).to_have_text(f"After this, #{second} will conflict.")


def test_the_desk_and_the_backlog_say_it_of_each_that_waits(site: Site, enter: Enter) -> None:
    first, second = crossing(site)
    foresee(site)
    page = enter("/")
    expect(page.locator(f".behind #prospect-{second}")).to_have_text("conflicts with another")
    page = enter("/tasks")
    for change in (first, second):
        expect(page.locator(f"#prospect-{change}")).to_have_text("conflicts with another")


@pytest.mark.parametrize("width", [1280, 390])
def test_it_becomes_true_while_it_is_read_and_nothing_moves(site: Site, enter: Enter, width: int) -> None:
    first, second = crossing(site)
    page = enter(f"/changes/{second}")
    page.set_viewport_size({"width": width, "height": 900})
    page.keyboard.press("l")
    expect(page.locator("#consequence")).to_have_text("")
    page.wait_for_function(LISTENS)
    forecast = page.locator("#forecast")
    expect(forecast).to_contain_text("Not known yet")
    before = places(page)
    foresee(site)
    expect(forecast.locator("summary")).to_have_text(f"Lands cleanly on main now; conflicts with #{first}")
    expect(page.locator("#consequence")).to_have_text(f"After this, #{first} will conflict.")
    assert places(page) == before
    site.repository.commit("by hand", {"durations.py": BEFORE.replace("text", "words")})
    foresee(site)
    expect(forecast.locator("summary")).to_have_text("Conflicts with main in durations.py")
    expect(forecast).to_have_class("forecast conflicts")
    assert places(page) == before


@pytest.mark.parametrize("width", [1280, 800, 390])
def test_a_target_that_moves_on_is_told_of_with_what_to_do(site: Site, enter: Enter, width: int) -> None:
    change = site.change("First")
    foresee(site)
    page = enter(f"/changes/{change}")
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(LISTENS)
    moved, offered = page.locator("#moved"), page.locator("#up-to-date-1 .button")
    expect(moved).to_have_text("main has not moved since")
    expect(offered).to_have_count(0)
    before = page.evaluate(OTHERS)
    site.repository.commit("elsewhere", {"other.txt": "other\n"})
    foresee(site)
    expect(moved).to_have_text("main moved by 1 commit since")
    expect(offered).to_have_text("Bring up to date")
    assert page.evaluate(OTHERS) == before
    site.repository.commit("by hand", {"durations.py": BEFORE.replace("text", "words")})
    foresee(site)
    expect(moved).to_have_text("main moved by 2 commits since")
    expect(offered).to_have_text("See the conflict")
    assert page.evaluate(OTHERS) == before
    site.repository.git("reset", "--hard", "HEAD~1")
    foresee(site)
    expect(offered).to_have_text("Bring up to date")
    offered.click()
    expect(page.locator(".toast")).to_contain_text("is up to date")
    foresee(site)
    expect(page.locator("#moved")).to_have_text("main has not moved since")
    expect(page.locator("#up-to-date-2 .button")).to_have_count(0)


def test_what_was_not_read_is_not_offered(site: Site, enter: Enter) -> None:
    change = site.change("First")
    foresee(site)
    page = enter(f"/changes/{change}")
    page.wait_for_function(LISTENS)
    site.repository.commit("elsewhere", {"other.txt": "other\n"})
    rebases.bring_up(site.narrows, change, revision=1)
    site.repository.commit("elsewhere", {"other.txt": "more\n"})
    foresee(site)
    expect(page.locator("#moved")).to_have_text("main moved by 1 commit since")
    expect(page.locator("#bar").get_by_role("button", name="Bring up to date")).to_have_count(0)


def test_what_is_open_stays_open_and_as_high(site: Site, enter: Enter) -> None:
    first, second = crossing(site)
    page = enter(f"/changes/{second}")
    page.wait_for_function(LISTENS)
    page.locator("#forecast summary").click()
    before = places(page)
    foresee(site)
    expect(page.locator("#forecast")).to_contain_text(f"After #{first} First lands")
    expect(page.locator("#forecast")).to_have_attribute("open", "")
    assert places(page) == before


def test_an_abandoned_one_is_in_nobodys_way(site: Site, enter: Enter) -> None:
    first, second = crossing(site)
    foresee(site)
    page = enter(f"/changes/{second}")
    page.wait_for_function(LISTENS)
    changes.abandon(site.narrows, first)
    expect(page.locator("#forecast summary")).to_have_text("Lands cleanly on main")


def test_the_backlog_follows(site: Site, enter: Enter) -> None:
    first, _ = crossing(site)
    page = enter("/tasks")
    page.wait_for_function(LISTENS)
    pill = page.locator(f"#prospect-{first}")
    expect(pill).to_have_text(Prospect.UNKNOWN.said)
    before = places(page)
    foresee(site)
    expect(pill).to_have_text(Prospect.CROSSING.said)
    assert places(page) == before


def test_names_that_an_agent_chose_are_text(site: Site, enter: Enter) -> None:
    odd = "<b>x\u202e</b>\n.py"
    first, second = site.change("<i>First</i>", **{odd: "1\n"}), site.change("Second", **{odd: "2\n"})
    foresee(site)
    page = enter(f"/changes/{second}")
    page.locator("#forecast summary").click()
    expect(page.locator("#forecast")).to_contain_text(f"#{first} <i>First</i> lands")
    expect(page.locator("#forecast code").first).to_contain_text("<b>x")
    assert page.locator("#forecast :is(b, i)").count() == 0
