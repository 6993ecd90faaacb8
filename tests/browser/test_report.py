"""A report in a browser: its lines are commented where they stand, and what it finds becomes tasks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from server.services import reviews, task_drafts
from tests.browser.conftest import Site
from tests.web.conftest import TOKEN
from tests.web.pages.conftest import Desk
from tests.web.pages.test_report_page import SECOND, Researcher

Enter = Callable[[str], Page]


@pytest.fixture
def report(site: Site) -> int:
    """A change with a report, on the desk; its number."""
    researcher = Researcher(Desk(site.narrows, site.project, site.worker))
    researcher.asked()
    return researcher.reports(SECOND)


def test_a_line_is_commented_where_it_stands(site: Site, enter: Enter, report: int) -> None:
    page = enter("/")
    page.get_by_role("link", name="Comment on lines 7 to 8 of the report").click()
    field = page.locator("#report-talk-7 textarea")
    expect(field).to_be_focused()
    with page.expect_response(lambda answer: "/drafts/" in answer.url):
        page.keyboard.type("Replace it by")
    page.reload()
    field = page.locator("#report-talk-7 textarea")
    expect(field).to_have_value("Replace it by")
    field.focus()
    page.keyboard.press("End")
    page.keyboard.type(" what?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#report-talk-7 article.comment")).to_contain_text("Replace it by what?")
    [comment] = reviews.comments(site.narrows, report)
    assert (comment.path, comment.line, comment.end_line) == (None, 7, 8)
    assert comment.quoted.startswith("- Replace it.")
    expect(page.locator("#bar")).to_contain_text("with 1 comment")


def test_chosen_items_become_drafts_and_what_is_typed_there_stays(site: Site, enter: Enter, report: int) -> None:
    page = enter("/")
    making = page.get_by_role("button", name="Make tasks of the chosen items")
    making.click()
    expect(page.locator("#toasts")).to_contain_text("Nothing is chosen.")
    page.get_by_label("Choose for a task: Measure twice").check()
    making.click()
    expect(page.locator(".toast")).to_contain_text("One task is drafted.")
    page.get_by_role("link", name="Edit: Measure twice").click()
    with page.expect_response(lambda answer: "/drafts/" in answer.url):
        page.get_by_label("Title").fill("Measure three times")
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Measure three times")
    page.get_by_label("Brief").press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Filed #2 “Measure three times”.")
    expect(page.get_by_role("heading", name="Drafts")).to_have_count(0)
    assert task_drafts.every(site.narrows) == []


def test_all_of_it_without_javascript(site: Site, browser: Browser, report: int) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/?token={TOKEN}")
    page.get_by_role("link", name="Comment on line 3 of the report").click()
    page.locator("textarea").fill("How slow?")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("#report-talk-3 article.comment")).to_contain_text("How slow?")
    page.get_by_label("Choose for a task: Ask Ada").check()
    page.get_by_role("button", name="Make tasks of the chosen items").click()
    page.get_by_role("button", name="File: Ask Ada").click()
    expect(page.locator(".toast")).to_contain_text("Filed #2 “Ask Ada”.")
    page.get_by_role("link", name="Preferences").click()
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{site.url}/")
    page.locator("#bar").get_by_role("link", name="Accept").click()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing to read")
    context.close()
