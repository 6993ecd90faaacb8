"""What a person is told while they read, after it, and when they come back; without JavaScript as well."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx2 import Headers

from server.domain.base import now
from server.domain.review import Clock
from server.services import changes, clocks, events, preferences, reviews, revisions
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def read_long_ago(narrows: Narrows, change: int, number: int = 1) -> None:
    """The person looked at it for a minute, an hour ago."""
    revision = revisions.get(narrows, change, number)
    with narrows.transaction() as db:
        db.add(Clock(revision_id=revision.id, seconds=60, ticked_at=now() - timedelta(hours=1)))


def test_a_digest_is_one_line_with_links(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    read = on_desk.holds("Read")
    began = events.last_id(narrows)
    assert person.peeks(f"/digest?since={began}&besides={read}").strip() == ""
    one = on_desk.holds("One")
    assert f'While you read: <a href="/changes/{one}">1 change came</a>.' in person.peeks(f"/digest?since={began}")
    on_desk.holds("Two")
    line = person.peeks(f"/digest?since={began}")
    assert '<a href="/">2 changes came</a>' in line
    assert 'data-act="dismiss"' in line


@pytest.mark.parametrize("since", ["-1", "x", str(2**63)])
def test_what_is_no_event_is_refused(person: Person, since: str) -> None:
    assert person.client.get(f"/digest?since={since}").status_code in (400, 422)


def test_without_a_script_the_desk_tells_what_came_since_the_last_reading(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    read = on_desk.holds("Read")
    assert "While you read" not in person.reads("/"), "nothing was read yet"
    person.reads(f"/changes/{read}")
    on_desk.holds("Came")
    person.peeks(f"/changes/{read}/bar")
    person.reads("/tasks")
    assert person.sends(f"/changes/{read}/abandonment").startswith("/?done=")
    told = person.reads("/")
    assert "1 change came</a>." in told.split("<noscript>")[1].split("</noscript>")[0]
    assert 'data-act="dismiss"' not in told.split("<noscript>")[1].split("</noscript>")[0]
    assert "While you read" not in person.reads("/"), "that page was one of reading, too"


def test_what_was_fetched_ahead_is_no_reading(person: Person, on_desk: Desk) -> None:
    read, _ = on_desk.holds("Read"), on_desk.holds("Next")
    person.reads(f"/changes/{read}")
    on_desk.holds("Came")
    person.reads(f"/?after={read}")
    assert "1 change came" in person.reads("/")


def test_a_cookie_that_somebody_else_set_says_nothing(person: Person, on_desk: Desk) -> None:
    read = on_desk.holds("Read")
    person.reads(f"/changes/{read}")
    [name] = [name for name in person.client.cookies if name.startswith("narrows_read_")]
    for value in ("9" * 5000, "-1", "x", "\xb2"):
        person.client.headers = Headers({**person.client.headers, "Cookie": f"{name}={value}"}, encoding="latin-1")
        assert "While you read" not in person.reads("/")


def test_who_comes_back_finds_where_they_left_it(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds", {"src/app.py": "def add(a, b):\n    return a + b\n", "b.py": "b = 1\n"})
    assert "Where you left it" not in person.reads(f"/changes/{change}")
    reviews.comment(narrows, change, revision=1, body="And subtract?")
    read_long_ago(narrows, change)
    page = person.reads(f"/changes/{change}")
    card = page.split("Where you left it")[1].split("</details>")[0]
    assert "revision 1" in card
    assert "1 h ago" in card
    assert "No new revision. Checks passed." in card
    assert "1 comment not sent yet." in card
    assert "You said" not in card
    position = page.split('class="viewed"')[1].split("action=")[1].split('"')[1]
    person.sends(position)
    assert "1 of 2 files viewed" in person.reads(f"/changes/{change}").split("Where you left it")[1]


def test_the_card_says_what_was_said_and_what_came_of_it(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds")
    asked = reviews.comment(narrows, change, revision=1, body="Why?")
    reviews.request_changes(narrows, change, revision=1, message="<b>Subtract</b>, too.")
    assert "Where you left it" not in person.reads(f"/changes/{change}"), "it is its agent's turn"
    on_desk.worker.answer({"src/app.py": "def add(a, b):\n    return b + a\n"}, f"Comment {asked.id}: **fixed**: so.")
    raw = person.client.get(f"/changes/{change}").text
    card = raw.split("Where you left it")[1].split("</details>")[0]
    assert "&lt;b&gt;Subtract&lt;/b&gt;, too." in card
    assert "Sent back" in card
    assert "with 1 comment so far" in card
    assert "Revision 2 came" in card
    assert "since revision 1" in card
    assert "Your comment is answered." in card
    clocks.tick(narrows, revisions.get(narrows, change, 2).id, 30, at=now() + timedelta(minutes=1))
    assert "Where you left it" not in person.reads(f"/changes/{change}"), "it was read since"
    assert "Where you left it" not in person.reads(f"/changes/{change}?revision=1"), "an older one has no card"


def test_a_browser_is_told_whether_it_may_notify(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    assert "data-notify" not in person.reads("/tasks")
    form = person.reads("/preferences")
    assert 'name="notify">' in form
    preferences.put(narrows, notify=True)
    assert "data-notify" in person.reads("/tasks")
    assert 'name="notify" checked>' in person.reads("/preferences")


def test_scripts_ask_for_digests(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    began = events.last_id(narrows)
    change = on_desk.holds("Came")
    told = person.client.get(f"/api/digest?since={began}").json()
    assert told["came"] == [change]
    assert person.client.get(f"/api/digest?since={began}&besides={change}").json()["came"] == []
    assert person.client.get("/api/digest").status_code == 422
    changes.abandon(narrows, change)
    assert person.client.get(f"/api/digest?since={began}").json()["came"] == []
    assert person.client.put("/api/preferences", json={"notify": True}).json()["notify"] is True
