"""The server is killed in the middle of a word: at most two seconds of typing are gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.repositories import Repository
from tests.support.server import Server

WORDS = "This reads the whole file at once, which a large log will not like"
BETWEEN = 60  # milliseconds between two keys: no pause in which anything would be kept
LOST = 2.0  # seconds of typing


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as server:
        yield server


def change_to_read(server: Server, folder: Path) -> int:
    """A change in review that added a file."""
    repository = Repository.make(folder, files={"README.md": "# Project\n"})
    script = "printf 'one\\ntwo\\nthree\\n' > made.txt; echo Made it."
    server.post("/api/agents", {"name": "maker", "family": "command", "argv": ["/bin/sh", "-c", script]})
    project = server.post("/api/projects", {"path": str(repository.path), "checks": []})["id"]
    server.post("/api/tasks", {"project_id": project, "title": "Make it", "agent": "maker"})
    found: int = server.until(lambda: next(iter(server.get("/api/changes?state=in_review")), None))["id"]
    return found


def comment_form(page: Page, server: Server, change: int) -> Locator:
    page.goto(server.link)
    page.goto(f"{server.link.partition('?')[0].rstrip('/')}/changes/{change}")
    page.locator(".r.a").first.wait_for()
    return page.locator(".comment-form textarea")


@pytest.mark.tolerates("console")  # no server answers for a while
def test_killed_in_the_middle_of_a_word_it_has_all_but_the_last_two_seconds(
    server: Server, tmp_path: Path, page: Page, browser: Browser
) -> None:
    change = change_to_read(server, tmp_path)
    field = comment_form(page, server, change)
    page.keyboard.press("c")
    expect(field).to_be_focused()
    pressed = []
    for letter in WORDS:
        pressed.append(time.monotonic())
        page.keyboard.type(letter, delay=BETWEEN)
    server.kill()
    killed = time.monotonic()

    port = urlsplit(server.link).port
    server.flags = ("--port", str(port))
    server.start()
    assert urlsplit(server.link).port == port
    elsewhere = browser.new_context()
    try:
        kept = comment_form(elsewhere.new_page(), server, change).input_value()
    finally:
        elsewhere.close()
    assert WORDS.startswith(kept)
    assert len(kept) > len(WORDS) / 2, "typed for long without a pause, and kept all the same"
    assert kept == WORDS or killed - pressed[len(kept)] <= LOST

    page.reload()  # where it was typed, nothing is lost at all
    expect(field).to_have_value(WORDS)
