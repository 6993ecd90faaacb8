"""What a person says of a change: where, about which lines, and with which verdict."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from server.domain.change import Change
from server.domain.errors import Invalid, NarrowsError, NotFound, WrongState
from server.domain.review import Comment, CommentState, Review, Verdict
from server.domain.run import Reason
from server.domain.states import ChangeState, RunState, TaskState
from server.services import changes, landings, reviews, revisions
from tests.services.workshop import Workshop

EDITED = {
    "notes.txt": "one\nTWO\nthree\nfour\n",
    "said.txt": "said\n",
    "README.md": None,
    "caf\udce9.txt": "odd\n",
}


@pytest.fixture
def change(workshop: Workshop) -> Change:
    return workshop.change(EDITED)


def comment(workshop: Workshop, change: Change, **place: Any) -> Comment:
    return reviews.comment(workshop.narrows, change.id, **{"revision": 1, "body": "Louder.", **place})


@pytest.mark.parametrize(
    ("place", "quoted"),
    [
        ({}, ""),
        ({"path": "notes.txt"}, ""),
        ({"path": "notes.txt", "line": 2}, "TWO"),
        ({"path": "notes.txt", "line": 2, "end_line": 3}, "TWO\nthree"),
        ({"path": "notes.txt", "line": 2, "side": "old"}, "two"),
        ({"path": "README.md", "line": 1, "side": "old"}, "# Project"),
        ({"path": "caf\udce9.txt", "line": 1}, "odd"),
        ({"path": "caf\\xe9.txt", "line": 1}, "odd"),
    ],
)
def test_a_comment_quotes_the_lines_it_is_about(
    workshop: Workshop, change: Change, place: dict[str, Any], quoted: str
) -> None:
    made = comment(workshop, change, **place)
    assert (made.quoted, made.state) == (quoted, CommentState.DRAFT)
    assert made.end_line == place.get("end_line", place.get("line"))
    if place.get("path", "").startswith("caf"):
        assert made.path == "caf\udce9.txt"


@pytest.mark.parametrize(
    ("place", "field", "sentence"),
    [
        ({"body": " \n"}, "body", "The comment is empty"),
        ({"side": "left"}, "side", "'left' is no side of a diff"),
        ({"line": 2}, "path", "A line was named, but no file"),
        ({"path": "notes.txt", "end_line": 2}, "line", "A last line was named, but no first"),
        ({"path": "notes.txt", "line": 0}, "line", "Lines 0 to 0 are no range"),
        ({"path": "notes.txt", "line": 3, "end_line": 2}, "line", "Lines 3 to 2 are no range"),
        ({"path": "notes.txt", "line": 4, "end_line": 5}, "line", "The file has 4 lines there. Line 5 does not exist"),
        ({"path": "notes.txt", "line": 4, "side": "old"}, "line", "The file has 3 lines there"),
        ({"path": "said.txt", "line": 1, "side": "old"}, "side", "no old side"),
        ({"path": "README.md", "line": 1}, "side", "no new side"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    workshop: Workshop, change: Change, place: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        comment(workshop, change, **place)
    assert (refused.value.field, sentence in str(refused.value)) == (field, True), str(refused.value)
    assert reviews.comments(workshop.narrows, change.id) == []


def test_a_comment_on_what_is_not_in_the_revision_is_not_found(workshop: Workshop, change: Change) -> None:
    with pytest.raises(NotFound, match="not part of this revision"):
        comment(workshop, change, path="elsewhere.txt", line=1)
    with pytest.raises(NotFound, match="no revision 2"):
        comment(workshop, change, revision=2)


def test_a_draft_is_edited_or_taken_back_and_what_was_sent_is_neither(workshop: Workshop, change: Change) -> None:
    narrows = workshop.narrows
    kept, gone = comment(workshop, change), comment(workshop, change)
    assert reviews.edit_comment(narrows, kept.id, " Louder, please. ").body == "Louder, please."
    with pytest.raises(Invalid, match="empty"):
        reviews.edit_comment(narrows, kept.id, " ")
    with pytest.raises(WrongState, match="is a draft"):
        reviews.resolve_comment(narrows, kept.id)
    reviews.delete_comment(narrows, gone.id)
    with pytest.raises(NotFound):
        reviews.get_comment(narrows, gone.id)

    reviews.request_changes(narrows, change.id, revision=1)
    with pytest.raises(WrongState, match="was sent"):
        reviews.edit_comment(narrows, kept.id, "Softer.")
    with pytest.raises(WrongState, match="was sent"):
        reviews.delete_comment(narrows, kept.id)
    assert reviews.resolve_comment(narrows, kept.id).state is CommentState.RESOLVED


def test_a_change_sent_back_carries_every_comment_with_its_lines(workshop: Workshop, change: Change) -> None:
    narrows = workshop.narrows
    comment(workshop, change, path="notes.txt", line=2, end_line=3, body="Why *shout*?")
    comment(workshop, change, path="notes.txt", line=1, side="old", body="Keep it.")
    comment(workshop, change, path="said.txt", body="A better name?")
    comment(workshop, change, body="Nearly.")
    run = reviews.request_changes(narrows, change.id, revision=1, message="Thanks!")
    assert run.reason is Reason.REVIEW
    for words in (
        "# Changes requested\n\nThanks!\n",
        " on `notes.txt:2-3`\n\n> TWO\n> three\n\nWhy *shout*?\n",
        " on `notes.txt:1` (lines of the old file)\n\n> one\n\nKeep it.\n",
        " on `said.txt`\n\n\nA better name?\n",
        " on the change as a whole\n\n\nNearly.\n",
    ):
        assert words in run.prompt
    assert {each.state for each in reviews.comments(narrows, change.id)} == {CommentState.SENT}
    assert workshop.get(change).state is ChangeState.WORKING


def test_a_review_that_says_nothing_is_refused(workshop: Workshop, change: Change) -> None:
    with pytest.raises(Invalid, match="Nothing was said"):
        reviews.request_changes(workshop.narrows, change.id, revision=1, message=" \n ")
    assert workshop.get(change).state is ChangeState.IN_REVIEW


def test_a_verdict_names_the_commit_and_dies_with_the_next_revision(workshop: Workshop, change: Change) -> None:
    narrows = workshop.narrows
    first = revisions.get(narrows, change.id, 1)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    with narrows.reading() as db:
        [verdict] = db.exec(select(Review))
    assert (verdict.verdict, verdict.revision_id, verdict.commit) == (
        Verdict.REQUEST_CHANGES,
        first.id,
        first.commit,
    )

    [run] = workshop.admit()
    workshop.finish(run, {"said.txt": "SAID\n"})
    for stale in (
        lambda: reviews.request_changes(narrows, change.id, revision=1, message="Louder."),
        lambda: landings.land(narrows, change.id, revision=1),
        lambda: reviews.accept(narrows, change.id, revision=1),
    ):
        with pytest.raises(WrongState, match="You read revision 1; the newest is 2"):
            stale()
    with pytest.raises(WrongState, match="You read revision 3; the newest is 2"):
        reviews.request_changes(narrows, change.id, revision=3, message="Louder.")


def test_no_verdict_on_what_is_not_in_review(workshop: Workshop, change: Change) -> None:
    changes.abandon(workshop.narrows, change.id)
    for verdict in (
        lambda: reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder."),
        lambda: landings.land(workshop.narrows, change.id, revision=1),
    ):
        with pytest.raises(WrongState, match="is abandoned: it is not in review"):
            verdict()


def test_a_report_is_accepted_and_its_task_done(workshop: Workshop) -> None:
    workshop.file(kind="research")
    [run] = workshop.admit()
    change = workshop.finish(run, {}, report="# Findings")
    with pytest.raises(NarrowsError, match="A report is accepted, not landed"):
        landings.land(workshop.narrows, change.id, revision=1)
    change = reviews.accept(workshop.narrows, change.id, revision=1)
    assert (change.state, change.slot) == (ChangeState.ACCEPTED, None)
    assert workshop.task_of(change).state is TaskState.DONE


def test_only_a_report_is_accepted(workshop: Workshop, change: Change) -> None:
    with pytest.raises(WrongState, match="Only a report can be accepted"):
        reviews.accept(workshop.narrows, change.id, revision=1)


def test_only_what_was_left_by_a_failed_run_is_kept(workshop: Workshop, change: Change) -> None:
    with pytest.raises(WrongState, match="left nothing to review"):
        reviews.keep(workshop.narrows, change.id)
    workshop.file()
    [run] = workshop.admit()
    empty = workshop.finish(run, {}, state=RunState.FAILED)
    with pytest.raises(WrongState, match=f"Change {empty.id} left nothing to review"):
        reviews.keep(workshop.narrows, empty.id)
