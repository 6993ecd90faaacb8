"""The whole loop by keyboard alone: no pointer ever moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.stories.test_desk import GREETING, landed, writes
from tests.support.repositories import Repository
from tests.support.server import Server

MOST_TABS = 60
NAME = """() => {
  const element = document.activeElement;
  const labels = [...(element.labels ?? [])].map((label) => label.textContent);
  const said = element.getAttribute("aria-label") ?? (labels.join(" ") || element.textContent);
  return said.replace(/\\s+/g, " ").trim();
}"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"greeting.py": GREETING, "notes.txt": "one\n"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", env={"NARROWS_AGENTS": "1"}) as server:
        yield server


def reach(page: Page, name: str) -> None:
    """Tab on until what has the focus is called so, and is to be seen there."""
    met = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        met.append(page.evaluate(NAME))
        if met[-1].startswith(name):
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), f"the focus on {name} is unseen"
            expect(page.locator(":focus")).to_be_in_viewport()
            return
    raise AssertionError(f"Tab never came to {name}; it came by {met}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.timeout(120)
def test_from_a_repository_to_a_landed_change_and_back(server: Server, repository: Repository, page: Page) -> None:
    page.goto(server.link)
    register(page, repository)
    file_task(page)
    in_review(server, revision=1)

    reach(page, "Desk")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Greet politely")
    comment_on_the_new_line(page)
    press(page, "b")
    expect(page.get_by_label("Message")).to_be_focused()
    page.keyboard.type("Nearly there.")
    press(page, "Control+Enter")
    expect(page.locator(".toast").last).to_contain_text("Sent")

    in_review(server, revision=2)
    press(page, "g", "d")
    expect(page.locator(".r.a")).to_contain_text("Welcome, ")
    press(page, "j")
    expect(page.locator(":focus")).to_contain_text("greeting.py")
    press(page, "l")
    expect(page.get_by_role("button", name="Land")).to_be_focused()
    press(page, "Enter")
    server.until(lambda: True if landed(repository) == ["Greet politely"] else None)
    assert "Welcome" in repository.git("show", "main:greeting.py")

    reach(page, "Landings")
    press(page, "Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    reach(page, "Undo")
    press(page, "Enter")
    server.until(lambda: True if landed(repository) == [] else None)


def register(page: Page, repository: Repository) -> None:
    reach(page, "Projects")
    press(page, "Enter")
    expect(page.get_by_label("Folder of a git repository")).to_be_visible()
    reach(page, "Folder of a git repository")
    page.keyboard.type(str(repository.path))
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Register project")
    reach(page, "Register")
    press(page, "Enter")
    expect(page.locator(".toast")).to_contain_text("Registered project.")


def file_task(page: Page) -> None:
    press(page, "t")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("Greet politely")
    reach(page, "Brief")
    page.keyboard.insert_text(writes("greeting.py", GREETING.replace("'Hello '", "'Good day '")))
    reach(page, "Agent")
    page.keyboard.type("demo")
    press(page, "Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Filed #1")


def in_review(server: Server, revision: int) -> None:
    """Wait until that revision is there to be read."""

    def there() -> bool | None:
        waiting = server.get("/api/desk")["waiting"]
        numbers = [one["number"] for one in server.get("/api/changes/1")["revisions"]] if waiting else []
        return True if numbers[-1:] == [revision] and waiting[0]["change"]["state"] == "in_review" else None

    server.until(there)


def comment_on_the_new_line(page: Page) -> None:
    """From the file to its hunk, down to the line that was added, and a comment there."""
    expect(page.locator(".r.a")).to_be_visible()
    press(page, "j")
    expect(page.locator("summary:focus")).to_contain_text("greeting.py")
    press(page, "n")
    expect(page.locator(".r.h:focus")).to_be_visible()
    for _ in range(5):
        press(page, "ArrowDown")
        if page.locator(".r.a:focus").count():
            break
    press(page, "c")
    expect(page.get_by_label("Comment on")).to_be_focused()
    page.keyboard.insert_text("Warmer, please:\n\n```suggestion\n    return 'Welcome, ' + name\n```")
    press(page, "Control+Enter")
    expect(page.locator("article.comment")).to_contain_text("Warmer, please")
