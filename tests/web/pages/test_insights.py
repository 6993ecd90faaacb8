"""The insights' pages: figures with pictures and tables, the answer, and what can be taken along."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from server.domain.base import now
from server.domain.project import Project
from server.domain.task import Task
from server.services import insights, preferences
from server.services.insights import Scope
from server.services.narrows import Narrows
from tests.support.history import History, build, put
from tests.web.pages.conftest import Person

ALL = Scope("all")
FIGURES = (
    "landed",
    "reading",
    "reading-by",
    "waiting",
    "rounds",
    "survival",
    "unmodified",
    "rate",
    "estimate",
    "cost",
)


@pytest.fixture
def recorded(narrows: Narrows) -> None:
    """A record of ten weeks."""
    put(narrows, History(120, 70))


def test_every_figure_has_its_picture_its_definition_and_its_table(person: Person, recorded: None) -> None:
    page = person.reads("/insights?days=all")
    for name in FIGURES:
        part = re.search(rf'<figure class="card figure" id="figure-{name}">.*?</figure>', page, re.DOTALL)
        assert part is not None, name
        assert f"/insights/{name}.svg?days=all&theme=light&width=wide" in part[0]
        assert re.search(r'alt="[^"]{10,}"', part[0])
        assert "<td>" in part[0]
    assert "Faster, or only feels faster?" in page


def test_pictures_follow_the_theme(person: Person, narrows: Narrows, recorded: None) -> None:
    assert "prefers-color-scheme: dark" in person.reads("/insights")
    preferences.put(narrows, theme="dark")
    page = person.reads("/insights")
    assert "prefers-color-scheme" not in page
    assert "theme=dark" in page
    assert "theme=light" not in page


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_is_whole_svg_with_text_as_text(person: Person, recorded: None, name: str) -> None:
    answer = person.client.get(f"/insights/{name}.svg?days=all&theme=dark&width=narrow")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert ElementTree.fromstring(answer.text).get("width") == "320"
    assert "<text" in answer.text
    assert "<script" not in answer.text


def test_an_empty_record_says_what_will_be_there(person: Person, project: Project) -> None:
    page = person.reads("/insights")
    assert "Bars appear with the first change that does." in page
    assert "<img" not in page
    assert "Can't tell yet: nothing has been decided." in person.reads("/insights/faster")


def test_the_answer_has_its_measures_and_what_it_can_not_know(person: Person, recorded: None) -> None:
    page = person.reads("/insights/faster")
    for words in ("Reading per landed change", "Landed a week", "Undone or reverted", "There is no baseline", "n = "):
        assert words in page


def test_what_was_taken_back_is_listed_with_links(person: Person, narrows: Narrows, recorded: None) -> None:
    page = person.reads("/insights?days=all")
    back = insights.taken_back(narrows, ALL)
    assert back
    for one in back:
        assert f'href="/changes/{one.change}"' in page
        assert f'href="/landings#landing-{one.landing}"' in page


def test_unknown_periods_figures_and_projects_are_refused_in_words(person: Person, recorded: None) -> None:
    assert "is no period" in person.reads("/insights?days=12", 422)
    assert "There is no figure" in person.reads("/insights/luck.svg", 404)
    assert "Nothing landed in this time." in person.reads("/insights?project=999")


def test_changes_are_taken_along_without_formulas(person: Person, narrows: Narrows, recorded: None) -> None:
    with narrows.database.writing() as db:
        for number, title in ((1, '=HYPERLINK("http://x")'), (2, "@SUM(A1)"), (3, "-1+1"), (4, 'a,b\n"c"')):
            task = db.get(Task, number)
            assert task is not None
            task.title = title
            db.add(task)
    build(narrows, History(1, 1, seed=3))  # something happens, so that the record is read anew
    answer = person.client.get("/insights/changes.csv?days=all")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = {row["task"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert [rows[n]["title"] for n in "123"] == ['\'=HYPERLINK("http://x")', "'@SUM(A1)", "'-1+1"]
    assert rows["4"]["title"] == 'a,b\n"c"'
    plain = person.client.get("/insights/changes.json?days=all").json()
    assert len(plain) == len(rows)
    assert next(one for one in plain if one["task"] == 1)["title"] == '=HYPERLINK("http://x")'


def test_a_figure_is_taken_along(person: Person, recorded: None) -> None:
    table = list(csv.reader(io.StringIO(person.client.get("/insights/cost.csv?days=all").text)))
    assert table[0] == ["", "Agent", "Per landed change (USD)", "Landed"]
    plain = person.client.get("/insights/cost.json?days=all").json()
    assert [list(map(str, row)) for row in plain["rows"]] == table[1:]
    assert plain["definition"].startswith("What the runs of all changes")


def test_what_is_written_by_others_is_text(person: Person, narrows: Narrows) -> None:
    build(narrows, History(8, 5, agents=('<b>"$x$ & co</b>',)))
    page = person.client.get("/insights?days=all").text
    assert "<b>" not in page
    drawn = person.client.get("/insights/reading-by.svg?days=all").text
    assert "&lt;b&gt;" in drawn
    ElementTree.fromstring(drawn)


def test_the_api_tells_the_same(person: Person, script: TestClient, recorded: None) -> None:
    figures = script.get("/api/insights?days=all").json()
    assert [figure["name"] for figure in figures] == list(FIGURES)
    changes = script.get("/api/insights/changes?days=all").json()
    assert len(changes) == len(person.client.get("/insights/changes.json?days=all").json())
    assert json.dumps(script.get("/api/insights/faster").json()["unknown"]).count("baseline") == 1
    assert script.get("/api/insights?days=12").status_code == 422


def test_a_period_and_a_project_narrow_it_down(narrows: Narrows) -> None:
    first = build(narrows, History(24, 24))
    second = build(narrows, History(6, 5, seed=2))
    assert len(insights.changes(narrows, ALL)) > 24
    assert {one.project_id for one in insights.changes(narrows, Scope("all", second.id))} == {second.id}
    week = insights.changes(narrows, Scope("7", first.id))
    assert 0 < len(week) < 12
    assert all(one.decided_at and one.decided_at > now() - timedelta(days=8) for one in week)


def test_a_long_record_is_read_by_few_statements(narrows: Narrows) -> None:
    put(narrows, History(120, 70))
    statements: list[str] = []

    event.listen(narrows.database.engine, "before_cursor_execute", lambda _c, _k, words, *_: statements.append(words))
    began = time.process_time()
    insights.every(narrows, ALL)
    spent = time.process_time() - began
    assert len([words for words in statements if words.startswith("SELECT")]) <= 11
    assert spent < 1, "120 changes take some 20 ms"
