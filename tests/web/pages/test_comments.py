"""Comments on lines, on files and on the change; and the words that are still being typed."""

from __future__ import annotations

import re
from typing import Any

from server.services import drafts, reviews
from server.services.narrows import Narrows
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
    assert page.index("The file") < page.index('class="rows')


def sent_back(on_desk: Desk, narrows: Narrows, change: int, edited: str) -> None:
    """The agent gets the comments and leaves another revision."""
    reviews.request_changes(narrows, change, revision=1, message="Go on.")
    on_desk.worker.answer({"src/app.py": edited}, "Comment 1: **Fixed**, as asked.")


def test_an_earlier_comment_stands_where_its_lines_are_now(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    reviews.comment(narrows, change, revision=1, path="src/app.py", line=2, body="Sure?")
    sent_back(on_desk, narrows, change, "# Sums\n\ndef add(a, b):\n    return b + a\n")
    card = person.peeks("/comments/1?at=2")
    assert 'data-side="new" data-line="4" data-end-line="4"' in card
    assert "<strong>edited</strong> since line 2 of <a" in card
    assert '<pre class="quoted">    return a + b</pre>' in card
    assert '<span class="pill answer-fixed">fixed</span>' in card
    then = person.peeks("/comments/1/then")
    assert then == '<pre class="quoted">def add(a, b):\n<mark>    return a + b</mark>\n</pre>'
    assert "line 1 to 2 of revision 1" in person.reads("/comments/1/then")
    page = person.reads(f"/changes/{change}")
    assert "Sure?" in page
    assert 'id="comment-1"' in page


def test_a_comment_whose_lines_are_gone_is_still_there(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Long", {"src/app.py": "def add(a, b):\n    return a + b\n\nX = 'a line of its own'\n"})
    reviews.comment(narrows, change, revision=1, path="src/app.py", line=4, body="Sure?")
    sent_back(on_desk, narrows, change, "def add(a, b):\n    return a + b\n")
    assert "<strong>gone</strong> since src/app.py:4 of <a" in person.peeks("/comments/1?at=2").replace(
        "<bdi>", ""
    ).replace("</bdi>", "")
    assert "Sure?" in person.reads(f"/changes/{change}")


def test_what_was_resolved_can_be_opened_again(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    reviews.comment(narrows, change, revision=1, path="src/app.py", line=2, body="Sure?")
    sent_back(on_desk, narrows, change, "def add(a, b):\n    return b + a\n")
    assert "Reopen" in person.posts("/comments/1/resolution?at=2")
    assert person.sends("/comments/1/reopening?at=2") == f"/changes/{change}?revision=2#comment-1"
    assert "open already" in person.posts("/comments/1/reopening", 409)


def test_another_word_on_the_same_lines(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    reviews.comment(narrows, change, revision=1, path="src/app.py", line=2, body="Sure?")
    sent_back(on_desk, narrows, change, "# Sums\n\ndef add(a, b):\n    return b + a\n")
    form = person.peeks("/comments/1/reply?at=2")
    for field in ('name="revision" value="2"', 'name="position" value="0"', 'name="line" value="4"'):
        assert field in form


def test_lines_are_suggested_with_and_without_a_script(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    place: dict[str, Any] = {"revision": 1, "position": 0, "side": "new", "line": 2}
    fence = "```suggestion\n    return a + b\n```\n"
    asked = person.reads(f"/changes/{change}/comments/new?revision=1&position=0&line=2&suggest=1")
    assert f">{fence}</textarea>" in asked
    form = person.posts(f"/changes/{change}/comments", **place, body="Rather:", suggest=1)
    assert f">Rather:\n\n{fence}</textarea>" in form
    assert list(drafts.find(narrows, "change/").values()) == [f"Rather:\n\n{fence}"]
    body = "Rather:\n\n```suggestion\n    return sum((a, b))\n```"
    card = person.posts(f"/changes/{change}/comments", **place, body=body)
    assert "<del>    return a + b\n</del><ins>    return sum((a, b))\n</ins>" in card
    assert "```" not in card


def test_against_an_earlier_revision_old_lines_are_that_revisions(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    change = on_desk.holds()
    sent_back(on_desk, narrows, change, "def add(a, b):\n    return b + a\n")
    form = person.peeks(f"/changes/{change}/comments/new?revision=2&since=1&position=0&side=old&line=2")
    assert 'name="since" value="1"' in form
    there: dict[str, Any] = {"revision": 2, "since": 1, "position": 0, "side": "old", "line": 2}
    to = person.sends(f"/changes/{change}/comments", **there, body="Why was that wrong?")
    assert to == f"/changes/{change}?revision=2&since=1#comment-1"
    [made] = reviews.comments(narrows, change)
    assert (made.revision, made.side, made.line, made.quoted) == (1, "new", 2, "    return a + b")


def test_a_report_is_commented_by_its_lines(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Look", {}, summary="# Findings\n\nIt is slow.", kind="research")
    form = person.peeks(f"/changes/{change}/comments/new?revision=1&report=1&line=3")
    assert 'name="report" value="1"' in form
    person.sends(f"/changes/{change}/comments", revision=1, report=1, line=3, body="How slow?")
    [made] = reviews.comments(narrows, change)
    assert (made.path, made.line, made.quoted) == (None, 3, "It is slow.")
    assert "How slow?" in person.reads(f"/changes/{change}")


def test_the_form_works_as_a_page_of_its_own(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    page = person.reads(f"/changes/{change}/comments/new?revision=1&position=0&side=old&line=2")
    assert "<html" in page
    assert "old line 2" in page
    person.sends(f"/changes/{change}/comments", revision=1, position=0, side="old", line=2, body="Gone?")
    assert "Gone?" in person.reads("/comments/1/edit")
    assert person.sends("/comments/1/deletion") == f"/changes/{change}?revision=1"
