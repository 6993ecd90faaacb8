"""The whole loop in a browser that runs no script at all: links, forms and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stories.test_desk import GREETING, landed, writes
from tests.stories.test_keyboard_alone import in_review
from tests.support.repositories import Repository
from tests.support.server import Server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that runs no script."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB", timezone_id="UTC")
    yield context.new_page()
    context.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"greeting.py": GREETING, "notes.txt": "one\n"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", env={"NARROWS_AGENTS": "1"}) as server:
        yield server


@pytest.mark.timeout(120)
def test_from_a_repository_to_a_landed_change_and_back(server: Server, repository: Repository, page: Page) -> None:
    page.goto(server.link)
    page.get_by_role("link", name="Projects").click()
    page.get_by_label("Folder of a git repository").fill(str(repository.path))
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("button", name="Register").click()
    expect(page.locator(".toast")).to_contain_text("Registered project.")

    page.get_by_role("banner").get_by_role("link", name="New task").click()
    page.get_by_label("Brief").fill("What was typed stays.")
    page.get_by_role("button", name=re.compile("^File task")).click()
    expect(page.locator("#against-title")).to_contain_text("A task needs a title.")
    expect(page.get_by_label("Brief")).to_have_value("What was typed stays.")
    page.get_by_label("Title").fill("Greet politely")
    page.get_by_label("Brief").fill(writes("greeting.py", GREETING.replace("'Hello '", "'Good day '")))
    page.get_by_label("Agent").select_option("demo")
    page.get_by_role("button", name=re.compile("^File task")).click()
    expect(page.locator(".toast")).to_contain_text("Filed #1")
    in_review(server, revision=1)

    page.get_by_role("link", name="Desk").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Greet politely")
    expect(page.locator(".r.a")).to_have_text("    return 'Good day ' + name")
    look_around(page)
    comment(page)
    page.get_by_role("link", name=re.compile("^Send back")).click()
    page.get_by_label("Message").fill("Nearly there.")
    page.get_by_role("button", name=re.compile("^Send back")).click()
    expect(page.locator(".toast")).to_contain_text("Sent")

    in_review(server, revision=2)
    page.get_by_role("link", name="Desk").click()
    expect(page.locator("main")).to_contain_text("Warmer, please")
    expect(page.locator(".r.a")).to_contain_text("Welcome, ")
    page.locator("#bar").get_by_role("link", name=re.compile("^Land")).first.click()
    page.get_by_role("button", name=re.compile("^Land")).click()
    server.until(lambda: True if landed(repository) == ["Greet politely"] else None)

    page.get_by_role("link", name="Landings").click()
    page.get_by_role("button", name="Undo").click()
    server.until(lambda: True if landed(repository) == [] else None)


def look_around(page: Page) -> None:
    """Split and back, the file marked as viewed and unmarked, the keys in words, a find over all lines."""
    page.get_by_role("switch", name="Split").click()
    expect(page.locator(".rows.split .p")).not_to_have_count(0)
    page.get_by_role("switch", name="Split").click()
    expect(page.locator(".rows.unified")).to_have_count(1)
    page.locator("form.viewed button").click()
    expect(page.locator(".diff-head")).to_contain_text("1 of 1 file")
    expect(page.locator(".r.a")).to_be_hidden()
    page.locator(".file summary").click()
    page.locator("form.viewed button").click()
    expect(page.locator(".diff-head")).to_contain_text("0 of 1 file")
    page.get_by_role("link", name="Find").click()
    page.get_by_label("Find in all lines").fill("good DAY")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".hits a")).to_have_count(1)
    page.get_by_role("link", name="Back to change #1").click()


def comment(page: Page) -> None:
    page.locator(".file").get_by_role("link", name="Comment").click()
    page.get_by_label("Line").first.fill("2")
    page.get_by_label("Comment on").fill("Warmer, please:\n\n```suggestion\n    return 'Welcome, ' + name\n```")
    page.get_by_role("button", name=re.compile("^Comment")).click()
    expect(page.locator("article.comment")).to_contain_text("Warmer, please")
