"""Hints while a task is typed, and a form that is split into drafts, in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from server.services import agents, drafts, task_drafts
from tests.browser.conftest import Site

Enter = Callable[[str], Page]


def test_hints_come_and_go_while_a_task_is_typed(site: Site, enter: Enter) -> None:
    page = enter("/tasks/new")
    hints = page.locator("#hints")
    page.get_by_label("Title").fill("Add weeks to the parser and rename the old module")
    expect(hints).to_contain_text("This looks like 2 tasks")
    page.get_by_label("Brief").fill("`durations.py` should read `1w`, for example.")
    page.get_by_label("Title").fill("Add weeks to the parser")
    expect(hints).to_be_hidden()


def test_what_is_typed_is_split_into_drafts_and_the_form_is_empty(site: Site, enter: Enter) -> None:
    page = enter("/tasks/new")
    page.get_by_label("Title").fill("Add weeks to the parser and rename the old module")
    page.get_by_role("button", name="Split into drafts").click()
    expect(page.locator(".toast")).to_contain_text("2 tasks are drafted.")
    expect(page.get_by_text("after Add weeks to the parser")).to_be_visible()
    page.goto(f"{site.url}/tasks/new")
    expect(page.get_by_label("Title")).to_have_value("")
    first, second = task_drafts.every(site.narrows)
    assert second.fields["follows"] == first.name
    page.goto(f"{site.url}/tasks/new?draft={second.name}")
    with page.expect_response(lambda answer: answer.url.endswith("/follows")):
        page.get_by_label("Starts after the draft").uncheck()
    assert "follows" not in task_drafts.get(site.narrows, second.name).fields


def test_a_refused_split_keeps_what_is_typed(enter: Enter) -> None:
    page = enter("/tasks/new")
    page.get_by_label("Title").fill("Add weeks")
    page.get_by_role("button", name="Split into drafts").click()
    expect(page.locator("#against-brief")).to_contain_text("There is nothing to split here.")
    expect(page.get_by_label("Title")).to_have_value("Add weeks")


def test_the_chosen_agents_survive_a_reload(site: Site, enter: Enter) -> None:
    for name in ("mine", "yours"):
        agents.add(site.narrows, name, "command", ["true"])
    page = enter("/tasks/new")
    page.get_by_text("Have several agents try it").click()
    page.get_by_label("mine").check()
    with page.expect_response(lambda answer: answer.request.post_data == "text=mine%2Cyours"):
        page.get_by_label("yours").check()
    assert drafts.find(site.narrows, "task/new/rivals") == {"task/new/rivals": "mine,yours"}
    page.reload()
    expect(page.get_by_label("yours")).to_be_checked()
    expect(page.get_by_label("demo", exact=True)).not_to_be_checked()
