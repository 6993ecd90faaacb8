"""The home page is the next change, or says what happens meanwhile."""

from __future__ import annotations

import html
import re

from server.services import changes, tasks
from server.services.narrows import Narrows
from server.web import rendering
from tests.web.pages.conftest import Desk, Person


def test_the_first_run_asks_for_a_repository(person: Person) -> None:
    page = person.reads("/")
    assert "Start with a repository" in page
    assert 'action="/projects/examination"' in page


def test_an_empty_desk_says_what_happens_meanwhile(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    assert "the backlog is empty" in person.reads("/")
    tasks.file(narrows, project_id=on_desk.project.id, title="One")
    assert "1 task in the backlog" in person.reads("/")
    on_desk.worker.admit()
    assert "1 agent at work" in person.reads("/")


def test_the_desk_shows_the_next_change_whole(person: Person, on_desk: Desk) -> None:
    on_desk.holds("Add adds", brief="`add` subtracts.", summary="It **adds** now.")
    on_desk.holds("Another")
    page = person.reads("/")
    beginning = page[: rendering.BEGINNING]
    assert ">Add adds</h1>" in beginning
    assert "<code>add</code> subtracts." in beginning
    assert "It <strong>adds</strong> now." in page
    assert "passed" in page
    assert "2 waiting, about 2 min" in page
    assert re.search(r'<div class="r d" data-o="\d+">', page)
    assert 'hx-get="/changes/1/landing/new"' in page


def test_the_toast_says_what_the_database_knows(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds")
    changes.abandon(narrows, change)
    page = person.reads(f"/?done=abandoned-{change}")
    assert "Abandoned “Add adds”." in page
    assert f'action="/changes/{change}/restoration"' in page


def test_a_link_puts_no_words_on_the_page(person: Person) -> None:
    for query in ("abandoned-99", "<script>-1", "landing-1", "you%20lost%20everything", "filed-99999999999999999999"):
        page = person.reads(f"/?done={query}")
        assert 'class="toast"' not in page


def test_nothing_that_an_agent_writes_becomes_markup(person: Person, on_desk: Desk) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)><b hx-get='/x' data-hx-get='/x'>"
    files = {f"{attack[:8]}.py": f"{attack}\n\u202etrojan\u2066\n"}
    change = on_desk.holds(f"T {attack}", files, f"S {attack}\n[x](javascript:alert(1)) [y](/changes/1/landing)")
    raw = person.client.get("/").text + person.client.get(f"/changes/{change}/revisions/1/files/0").text
    assert "<script>a" not in raw
    assert "<img" not in raw
    assert "<b hx" not in raw
    assert "javascript:" not in re.findall(r'href="([^"]*)"', raw)
    assert not [href for href in re.findall(r'href="([^"]*)"', raw) if href.endswith("/landing")]
    assert "\u202e" not in html.unescape(raw)
    assert "U+202E" in raw


def test_a_red_check_stands_above_the_diff(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    page = person.reads(f"/changes/{change}")
    assert page.index("Evidence") < page.index("1 file changed")
    log = person.peeks("/checks/1/log")
    assert "all is well" in log
    assert person.client.get("/checks/1/log").headers["content-type"].startswith("text/plain")


def test_a_change_with_nothing_to_read_yet_has_facts_and_no_evidence(person: Person, on_desk: Desk) -> None:
    tasks.file(on_desk.narrows, project_id=on_desk.project.id, title="One")
    (run,) = on_desk.worker.admit()
    page = person.reads(f"/changes/{run.change_id}")
    assert "Evidence" not in page
    assert f'<a href="/runs/{run.id}">transcript</a>' in page
    on_desk.holds("Another")
    page = person.reads("/")
    assert page.index("Evidence</h2>") < page.index("Facts</h2>") < page.index("1 file changed")


def test_an_unknown_change_is_a_page_with_a_way_back(person: Person) -> None:
    page = person.reads("/changes/99", status=404)
    assert "There is no change 99." in page
    assert 'href="/"' in page
