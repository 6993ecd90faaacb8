"""The whole loop as a person does it, in a real browser over the real server, with agents that speak ACP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import rows
from tests.support.repositories import Repository
from tests.support.server import Server

GREETING = "def greet(name):\n    return 'Hello ' + name\n"
TEST = """import unittest

from greeting import greet


class GreetTest(unittest.TestCase):
    def test_names(self):
        self.assertIn("Ada", greet("Ada"))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    files = {
        "greeting.py": GREETING,
        "test_greeting.py": TEST,
        "notes.txt": "one\n",
        "Makefile": "test:\n\tpython3 -m unittest -q\n",
    }
    return Repository.make(tmp_path, files={**files, ".gitignore": "__pycache__/\n"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", env={"NARROWS_AGENTS": "2"}) as server:
        yield server


def register(page: Page, repository: Repository) -> None:
    page.get_by_role("link", name="Projects").click()
    page.get_by_label("Folder of a git repository").fill(str(repository.path / "nowhere"))
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no folder")
    page.get_by_label("Folder of a git repository").fill(str(repository.path))
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_label(re.compile("^Checks"))).to_have_value("make test")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("project").first).to_be_visible()


def file_task(page: Page, title: str, brief: str, priority: int) -> None:
    page.get_by_role("link", name="New task").first.click()
    page.get_by_label("Title").fill(title)
    page.get_by_label(re.compile("^Brief")).fill(brief)
    page.get_by_label("Agent").select_option("demo")
    page.get_by_label("Priority").fill(str(priority))
    page.get_by_role("button", name=re.compile("File task")).click()
    expect(page.get_by_text("Filed").first).to_be_visible()


def writes(path: str, content: str) -> str:
    return f"write: {path}\n```\n{content}```\n"


@pytest.mark.timeout(240)
def test_three_tasks_from_the_form_to_the_branch_and_back(server: Server, repository: Repository, page: Page) -> None:
    (repository.path / "notes.txt").write_text("one\ntwo, and not committed\n")
    page.goto(server.link)
    register(page, repository)

    file_task(page, "Greet politely", writes("greeting.py", GREETING.replace("'Hello '", "'Good day '")), 2)
    file_task(page, "Add a farewell", writes("farewell.py", "def part(name):\n    return 'Goodbye ' + name\n"), 1)
    file_task(page, "Say how to use it", writes("USAGE.md", "# Usage\n\n    greet('Ada')\n"), 0)
    server.until(lambda: True if len(server.get("/api/desk")["waiting"]) == 3 else None)
    most_at_once(server)

    # The first change: a comment on its line, and back to the agent.
    page.goto(server.link)
    expect(page.get_by_role("heading", name="Greet politely")).to_be_visible()
    rows.point_at_number(rows.added(page, "Good day"))
    page.get_by_placeholder("What should be different here?").fill(
        "Warmer, please:\n\n```suggestion\n    return 'Welcome, ' + name\n```"
    )
    page.get_by_role("button", name=re.compile("^Comment")).click()
    expect(page.get_by_text("Warmer, please")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("body").press("b")
    page.get_by_label("Message").fill("Nearly there.")
    page.get_by_role("button", name=re.compile("^Send back")).click()

    # The next one is there at once, and lands.
    expect(page.get_by_role("heading", name="Add a farewell")).to_be_visible()
    land(page)
    expect(page.get_by_role("heading", name="Say how to use it")).to_be_visible()
    server.until(lambda: True if landed(repository) == ["Add a farewell"] else None)

    # The second revision of the first one lands, too.
    change = server.until(lambda: next((c for c in in_review(server) if c["id"] == 1), None))
    assert [revision["number"] for revision in server.get("/api/changes/1")["revisions"]] == [1, 2]
    page.goto(page.url.split("/")[0] + f"//{page.url.split('/')[2]}/changes/{change['id']}")
    expect(rows.added(page, "Welcome, ")).to_be_visible()
    land(page)
    server.until(lambda: True if landed(repository) == ["Greet politely", "Add a farewell"] else None)

    # One is taken back, with the other on top of it: by a revert that passed the checks.
    page.get_by_role("link", name="Landings").click()
    row = page.get_by_role("listitem").filter(has_text="Add a farewell")
    row.get_by_role("button", name="Undo").click()
    server.until(lambda: True if len(landed(repository)) == 3 else None)

    assert landed(repository) == ['Revert "Add a farewell"', "Greet politely", "Add a farewell"]
    assert "Welcome" in repository.git("show", "main:greeting.py")
    assert not (repository.path / "farewell.py").exists()
    assert repository.git("status", "--porcelain") == " M notes.txt"
    assert (repository.path / "notes.txt").read_text() == "one\ntwo, and not committed\n"
    assert not repository.git("fsck", "--strict", "--no-dangling")
    assert [change["state"] for change in server.get("/api/changes")] == ["in_review", "in_review", "landed"]


def most_at_once(server: Server) -> None:
    """Two agents worked at once, and never three."""
    at_work = most = 0
    with server.events(after=0) as events:
        for event in events:
            if event["noun"] == "run":
                at_work += {"started": 1, "succeeded": -1}.get(event["verb"], 0)
                most = max(most, at_work)
            if (event["noun"], event["verb"]) == ("change", "presented") and event["id"] == 3:
                break
    assert most == 2


def land(page: Page) -> None:
    page.locator("body").press("l")
    page.get_by_role("button", name=re.compile("^Land")).click()


def landed(repository: Repository) -> list[str]:
    return repository.git("log", "--format=%s", "--first-parent", "main").splitlines()[:-1]


def in_review(server: Server) -> list[dict[str, object]]:
    return [each["change"] for each in server.get("/api/desk")["waiting"] if each["change"]["state"] == "in_review"]
