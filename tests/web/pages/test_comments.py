"""Comments on lines, on files and on the change; and the words that are still being typed."""

from __future__ import annotations

import re
from typing import Any

from server.services import drafts, reviews
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


def test_a_comment_stands_under_its_line(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    place: dict[str, Any] = {"revision": 1, "position": 0, "side": "new", "line": 1, "end_line": 2}
    assert person.sends(f"/changes/{change}/comments", body="Why **so**?", **place).endswith("#comment-1")
    rows = person.peeks(f"/changes/{change}/revisions/1/files/0")
    assert "Why <strong>so</strong>?" in rows
    plain = re.sub(r"<[^>]*>", "", rows)
    assert plain.index("return a + b") < plain.index("Why so?")
    assert "lines 1 to 2" in rows


def test_htmx_gets_the_comment_and_the_count(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    answer = person.posts(f"/changes/{change}/comments", revision=1, position=0, line=2, body="One")
    assert 'id="comment-1"' in answer
    assert "with 1 comment" in answer
    edited = person.posts("/comments/1", body="Two")
    assert "Two" in edited
    assert "One" not in edited
    assert 'id="drafted"' in person.posts("/comments/1/deletion")


def test_an_error_keeps_what_was_typed(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    form = person.posts(f"/changes/{change}/comments", 422, revision=1, position=0, line=99, body="My words")
    assert "My words" in form
    assert "Line 99 does not exist." in form
    assert "is no number" in person.posts(f"/changes/{change}/comments", 422, revision=1, position="x", body="B")
    assert "The comment is empty." in person.sends(f"/changes/{change}/comments", 422, revision=1, body=" ")


def test_words_being_typed_come_back_with_the_page(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    keys = [f"change/{change}/comment/1/0/new/2-2", f"change/{change}/comment/1/0/whole"]
    for key in keys:
        assert person.client.put(f"/drafts/{key}", data={"text": f"half a {key[-3:]}"}).status_code == 204
    page = person.reads("/")
    assert "half a 2-2" in page
    assert "half a ole" in page
    person.sends(f"/changes/{change}/comments", revision=1, position=0, side="new", line=2, end_line=2, body="whole")
    assert list(drafts.find(narrows, "change/")) == [keys[1]]


def test_a_comment_on_a_line_that_the_diff_does_not_show_stands_on_top(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    long = "".join(f"line {n}\n" for n in range(1, 100))
    first = on_desk.holds("Long", {"long.txt": long})
    reviews.request_changes(narrows, first, revision=1, message="Change the end.")
    on_desk.worker.answer({"long.txt": long + "end\n"})
    change = on_desk.holds("Readme", {"README.md": "# Project\n" + "x\n" * 40})
    reviews.comment(narrows, change, revision=1, path="README.md", line=1, body="The title")
    reviews.comment(narrows, change, revision=1, path="README.md", body="The file")
    page = person.reads(f"/changes/{change}")
    assert "The title" in page
    assert page.index("The file") < page.index('class="rows"')


def test_earlier_comments_are_quoted_and_can_be_resolved(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds()
    reviews.comment(narrows, change, revision=1, path="src/app.py", line=2, body="Sure?")
    reviews.comment(narrows, change, revision=1, body="In general")
    reviews.request_changes(narrows, change, revision=1)
    worker.answer({"src/app.py": "def add(a, b):\n    return b + a\n"})
    page = person.reads("/")
    assert "Earlier comments (2)" in page
    assert '<pre class="quoted">    return a + b</pre>' in page
    assert "Resolve" in page
    assert "resolved" in person.posts("/comments/1/resolution")
    old = person.reads(f"/changes/{change}?revision=1")
    assert "You are reading revision 1." in old
    assert "Decisions are made on the newest revision." in old


def test_the_form_works_as_a_page_of_its_own(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    page = person.reads(f"/changes/{change}/comments/new?revision=1&position=0&side=old&line=2")
    assert "<html" in page
    assert "old line 2" in page
    person.sends(f"/changes/{change}/comments", revision=1, position=0, side="old", line=2, body="Gone?")
    assert "Gone?" in person.reads("/comments/1/edit")
    assert person.sends("/comments/1/deletion") == f"/changes/{change}?revision=1"
