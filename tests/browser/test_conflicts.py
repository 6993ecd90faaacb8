"""A conflict in a browser: three columns that stack on a phone, and the ways on from there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from server.domain.event import Actor
from server.services import forecasts, revisions, runs
from tests.browser.conftest import AFTER, BEFORE, Site

Enter = Callable[[str], Page]
THEIRS = BEFORE.replace('Seconds in a text like "90s" or "5m".', "Seconds in a text.").replace(
    "return int(number)", "return float(number)"
)


@pytest.fixture
def change(site: Site) -> int:
    made = site.change(**{"durations.py": AFTER})
    site.repository.commit("Fractions", {"durations.py": THEIRS})
    return made


def lefts(page: Page) -> list[float]:
    """Where the columns of the first place begin."""
    boxes = [side.bounding_box() for side in page.locator(".three").first.locator(".side").all()]
    return [box["x"] for box in boxes if box]


def test_three_columns_that_stack_on_a_phone(site: Site, enter: Enter, change: int) -> None:
    page = enter(f"/changes/{change}/conflict")
    page.set_viewport_size({"width": 1400, "height": 900})
    expect(page.get_by_role("heading", level=1)).to_contain_text("does not merge")
    assert len(set(lefts(page))) == 3
    page.set_viewport_size({"width": 390, "height": 800})
    assert len(set(lefts(page))) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator(".three").first.locator(".r.a.meets").first).to_be_visible()


def test_it_is_edited_and_sent_to_its_agent(site: Site, enter: Enter, change: int) -> None:
    page = enter(f"/changes/{change}/conflict")
    field = page.get_by_label("What it is told")
    assert field.input_value().startswith("`main` has moved")
    field.fill(f"{field.input_value()}\nFractions must stay.")
    page.get_by_role("button", name="Send to its agent").click()
    page.wait_for_url("**/?done=sent-*")
    run = runs.of_change(site.narrows, change)[-1]
    assert run.onto == site.repository.head
    assert "Fractions must stay." in run.prompt


def test_one_that_merges_is_brought_up_to_date_from_its_sheet(site: Site, enter: Enter) -> None:
    change = site.change(**{"durations.py": AFTER})
    site.repository.commit("elsewhere", {"README.md": "# Other\n"})
    while forecasts.advance(site.narrows, site.project.id):
        pass
    page = enter(f"/changes/{change}")
    expect(page.get_by_text("main moved by 1 commit since")).to_be_visible()
    expect(page.locator("#forecast summary")).to_have_text("Lands cleanly on main")
    page.get_by_role("button", name="Bring up to date").click()
    expect(page.locator(".toast")).to_contain_text("is up to date")
    assert revisions.of_change(site.narrows, change)[-1].made_by is Actor.ENGINE
    expect(page.get_by_role("button", name="Bring up to date")).to_have_count(0)
