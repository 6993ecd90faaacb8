"""The task form, projects and runs in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from server.services import drafts, tasks
from tests.browser.conftest import Site
from tests.support.repositories import Repository

Enter = Callable[[str], Page]


def test_the_task_form_survives_a_reload_and_is_ready_for_the_next(site: Site, enter: Enter) -> None:
    earlier = tasks.file(site.narrows, project_id=site.project.id, title="Earlier")
    page = enter("/tasks/new")
    page.get_by_label("Title").fill("Parse days")
    page.get_by_label("Brief").fill("`parse('2d')` gives 172800")
    page.get_by_label("Refactoring").check()
    page.get_by_label("Starts after these tasks").select_option(str(earlier.id))
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Parse days")
    expect(page.get_by_label("Brief")).to_have_value("`parse('2d')` gives 172800")
    expect(page.get_by_label("Refactoring")).to_be_checked()
    expect(page.get_by_label("Starts after these tasks")).to_have_values([str(earlier.id)])
    page.get_by_label("Brief").press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Filed #2 “Parse days”.")
    expect(page.get_by_label("Title")).to_have_value("")
    assert not drafts.find(site.narrows, "task/new/title")
    standing = tasks.standing(site.narrows, 2)
    assert (standing.task.brief, [task.id for task in standing.after]) == ("`parse('2d')` gives 172800", [earlier.id])


def test_an_older_draft_never_arrives_last(site: Site, enter: Enter) -> None:
    page = enter("/tasks/new")
    page.clock.install()
    title, address, sent = page.get_by_label("Title"), "**/drafts/task/new/title", list[Route]()

    def hold_the_first(route: Route) -> None:
        sent.append(route)
        if len(sent) > 1:
            route.continue_()

    page.route(address, hold_the_first)
    title.fill("Parse")
    with page.expect_request(address):
        page.clock.run_for(1000)
    title.fill("Parse days")
    page.clock.run_for(1000)
    assert len(sent) == 1, "the server has not answered yet"
    with page.expect_response(lambda answer: answer.request.post_data == "text=Parse+days"):
        sent[0].continue_()
    assert drafts.find(site.narrows, "task/new/title") == {"task/new/title": "Parse days"}


def test_a_mistake_is_shown_beside_its_field(site: Site, enter: Enter) -> None:
    page = enter("/tasks/new")
    page.get_by_label("Brief").fill("All that I typed")
    page.get_by_role("button", name="File task").click()
    expect(page.locator("#against-title")).to_contain_text("A task needs a title.")
    expect(page.get_by_label("Brief")).to_have_value("All that I typed")


def test_registering_a_repository(enter: Enter, tmp_path: Path) -> None:
    repository = Repository.make(tmp_path, "another")
    page = enter("/projects")
    page.get_by_label("Folder of a git repository").fill("/nowhere/at/all")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no folder /nowhere/at/all.")
    page.get_by_label("Folder of a git repository").fill(str(repository.path))
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading")).to_contain_text("Register another")
    page.reload()
    page.get_by_role("button", name="Register").click()
    expect(page.locator(".toast")).to_contain_text("Registered another.")
