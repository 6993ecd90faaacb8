"""Marks on files, the clock and flags, on pages and in the API."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from server.services import changes, clocks, comparisons, reviews, revisions, viewed
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person

FILES = {"src/one.py": "x = 1\n", "src/two.py": "y = 1\n" * 3, "setup.py": "setup()\n"}


def progress(html: str) -> str:
    found = re.search(r'id="progress"[^>]*>([^<]*)<', html)
    assert found, html
    return found[1]


def position(narrows: Narrows, change: int, path: str) -> int:
    return revisions.find_position(narrows, revisions.get(narrows, change, 1), path)


def test_a_file_is_marked_by_a_plain_form_and_the_page_is_as_it_was(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Many", FILES)
    place = position(on_desk.narrows, change, "src/two.py")
    page = person.reads(f"/changes/{change}?view=split")
    assert progress(page) == "0 of 3 files viewed"
    form = f"/changes/{change}/revisions/1/files/{place}"
    assert f'action="{form}/viewed"' in page
    back = "?revision=1&since=0&view=split"
    assert f'name="back" value="{back}"' in page
    assert person.sends(f"{form}/viewed", back=back) == f"/changes/{change}{back}#file-{place}"
    page = person.reads(f"/changes/{change}{back}")
    assert progress(page) == "1 of 3 files viewed"
    assert f'action="{form}/unviewed"' in page
    assert person.sends(f"{form}/unviewed", back="//elsewhere.example/") == f"/changes/{change}#file-{place}"
    assert progress(person.reads(f"/changes/{change}")) == "0 of 3 files viewed"
    assert "has no file 9" in person.sends(f"/changes/{change}/revisions/1/files/9/viewed", 404)


def test_htmx_gets_the_form_and_the_progress(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Many", FILES)
    place = position(on_desk.narrows, change, "src/one.py")
    piece = person.posts(f"/changes/{change}/revisions/1/files/{place}/viewed", back="?revision=1")
    assert 'aria-pressed="true"' in piece
    assert progress(piece) == "1 of 3 files viewed"
    assert 'hx-swap-oob="true"' in piece
    assert "<html" not in piece


def test_a_mark_since_an_earlier_revision_is_of_what_changed_since(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds("Many", FILES)
    reviews.request_changes(narrows, change, revision=1, message="Again.")
    worker.answer({"src/one.py": "x = 2\n"})
    piece = person.posts(f"/changes/{change}/revisions/2/files/0/viewed", since=1)
    assert progress(piece) == "1 of 1 file viewed"
    assert 'name="since" value="1"' in piece
    since = comparisons.of(narrows, changes.get(narrows, change), revisions.get(narrows, change, 2), 1)
    assert viewed.viewed(narrows, since) == {0}


def test_scripts_mark_files(script: TestClient, on_desk: Desk) -> None:
    change = on_desk.holds("Many", FILES)
    path = f"/api/changes/{change}/revisions/1"
    assert script.put(f"{path}/files/2/viewed").json() == [2]
    assert script.put(f"{path}/files/0/viewed").json() == [0, 2]
    assert script.get(f"{path}/viewed").json() == [0, 2]
    assert script.delete(f"{path}/files/2/viewed").json() == [0]
    assert script.put(f"{path}/files/7/viewed").status_code == 404
    assert script.get(f"{path}/viewed?since=1").status_code == 404


def test_the_clock_is_told_and_shown(person: Person, script: TestClient, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Many", FILES)
    answer = person.client.post(f"/changes/{change}/revisions/1/clock", data={"seconds": "0.01"})
    assert (answer.status_code, answer.text) == (204, "")
    assert clocks.of_change(narrows, change) == {1: 0.01}
    told = script.post(f"/api/changes/{change}/revisions/1/clock", json={"seconds": 0})
    assert told.json() == script.get(f"/api/changes/{change}/revisions/1/clock").json() == {"seconds": 0.01}
    for nonsense in ("-1", "nan", "soon", ""):
        assert person.client.post(f"/changes/{change}/revisions/1/clock", data={"seconds": nonsense}).status_code == 422
    assert script.post(f"/api/changes/{change}/revisions/9/clock", json={"seconds": 1}).status_code == 404


def test_flags_lead_to_the_file(person: Person, script: TestClient, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Many", FILES)
    place = position(narrows, change, "setup.py")
    page = person.reads(f"/changes/{change}")
    assert f'<a href="#file-{place}">setup.py</a>' in page
    assert "It says what is installed with the project." in page
    [flag] = script.get(f"/api/changes/{change}/revisions/1/flags").json()
    assert (flag["kind"], flag["path"], flag["side"], flag["line"]) == ("dependency", "setup.py", "new", None)
    hidden = person.reads(f"/changes/{change}?path=src/")
    way = f"/changes/{change}/revisions/1/flags/{flag['id']}"
    assert f'href="{way}"' in hidden or f'href="#file-{place}"' in hidden
    led = person.client.get(way)
    assert led.headers["location"] == f"/changes/{change}?revision=1&since=0#file-{place}"
