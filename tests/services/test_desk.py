"""The desk: which change is next, what waits behind it, and everything about the one that is read."""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlmodel import select

from server.domain.errors import NotFound, WrongState
from server.domain.review import Review, Verdict
from server.domain.states import ChangeState, RunState
from server.services import changes, desk, reviews
from server.services.narrows import Narrows
from tests.services.workshop import Workshop


def line(narrows: Narrows) -> list[str]:
    return [waiting.title for waiting in desk.desk(narrows).waiting]


def test_an_empty_desk(narrows: Narrows) -> None:
    found = desk.desk(narrows)
    assert (found.next, found.waiting, found.waiting_count, found.working, found.queued) == (None, [], 0, 0, 0)
    assert (found.budget.waiting_changes, found.budget.paused) == (0, False)


def test_the_urgent_comes_first_and_then_what_waits_longest(workshop: Workshop) -> None:
    for title, priority in (("old", 0), ("new", 0), ("urgent", 2)):
        workshop.change(title=title, priority=priority)
    workshop.file("behind", agent="demo")
    found = desk.desk(workshop.narrows, limit=2)
    assert [(each.title, each.why_here) for each in found.waiting] == [
        ("urgent", "priority 2"),
        ("old", "waits longest"),
    ]
    assert found.next is not None
    assert found.next.id == 3
    assert (found.waiting_count, found.queued, found.working) == (3, 1, 0)
    assert all(each.minutes >= 1 for each in found.waiting)


def test_the_desk_as_it_will_be_once_the_change_that_is_read_is_decided(workshop: Workshop) -> None:
    first, second, _ = (workshop.change(title=title) for title in "abc")
    found = desk.desk(workshop.narrows, after=first.id)
    assert found.next is not None
    assert found.next.id == second.id
    assert ([each.title for each in found.waiting], found.waiting_count) == (["b", "c"], 2)
    assert found.waiting[0].why_here == "waits longest"


def test_what_is_put_off_goes_behind_everything(workshop: Workshop) -> None:
    narrows = workshop.narrows
    urgent, first, _ = (
        workshop.change(title="urgent", priority=9),
        workshop.change(title="a"),
        workshop.change(title="b"),
    )
    reviews.later(narrows, urgent.id)
    reviews.later(narrows, first.id)
    assert line(narrows) == ["b", "urgent", "a"]
    assert desk.desk(narrows).waiting[-1].why_here == "you put it off"
    reviews.later(narrows, urgent.id)
    assert line(narrows) == ["b", "a", "urgent"]

    reviews.request_changes(narrows, urgent.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    workshop.finish(run, {"new.txt": "new\n"})
    assert line(narrows)[0] == "urgent", "answered, it is as urgent as before"


def test_only_what_waits_for_the_person_is_put_off(workshop: Workshop) -> None:
    workshop.file()
    [run] = workshop.admit()
    with pytest.raises(WrongState, match="is working: it does not wait for you"):
        reviews.later(workshop.narrows, run.change_id)


def test_what_failed_is_on_the_desk_too_and_what_is_decided_is_not(workshop: Workshop) -> None:
    narrows = workshop.narrows
    landed, gone, back = (workshop.change(title=title) for title in ("landed", "gone", "back"))
    workshop.land(landed)
    changes.abandon(narrows, gone.id)
    reviews.request_changes(narrows, back.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    found = desk.desk(narrows)
    assert (line(narrows), found.working) == ([], 1)
    workshop.finish(run, {}, state=RunState.FAILED, error="It broke.")
    [waiting] = desk.desk(narrows).waiting
    assert (waiting.title, waiting.why_here) == ("back", "needs your word")


def test_a_sheet_has_everything_about_a_change(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    comment = reviews.comment(narrows, change.id, revision=1, path="said.txt", line=1, body="Louder.")
    reviews.request_changes(narrows, change.id, revision=1)
    [run] = workshop.admit()
    workshop.finish(run, {"said.txt": "SAID\n"})
    sheet = desk.sheet(narrows, change.id)
    assert sheet.revision is not None
    assert sheet.revision.number == 2
    assert [check.revision_id for check in sheet.checks] == [sheet.revision.id]
    assert [each.id for each in sheet.comments] == [comment.id]
    assert (len(sheet.runs), sheet.landings, sheet.project.id) == (2, [], workshop.project.id)
    assert [blocker.message for blocker in sheet.assessment.blockers] == [f"Comment {comment.id} was not answered."]
    assert sheet.assessment.warnings == []
    with pytest.raises(NotFound, match="There is no change 99"):
        desk.sheet(narrows, 99)


def test_a_sheet_of_a_change_without_a_revision(workshop: Workshop) -> None:
    workshop.file()
    [run] = workshop.admit()
    sheet = desk.sheet(workshop.narrows, run.change_id)
    assert (sheet.revision, sheet.checks, sheet.change.state) == (None, [], ChangeState.WORKING)


def test_later_is_a_verdict_that_is_remembered(workshop: Workshop) -> None:
    change = workshop.change()
    reviews.later(workshop.narrows, change.id)
    with workshop.narrows.reading() as db:
        [verdict] = db.exec(select(Review))
    assert verdict.verdict is Verdict.LATER


def test_a_full_desk_asks_the_database_no_more_often_than_an_empty_one(workshop: Workshop) -> None:
    narrows = workshop.narrows
    asked: list[object] = []

    def count(*call: object) -> None:
        asked.append(call[2])

    def questions() -> int:
        asked.clear()
        desk.desk(narrows)
        return len(asked)

    event.listen(narrows.database.engine, "before_cursor_execute", count)
    empty = questions()
    for _ in range(3):
        workshop.change()
    full = questions()
    event.remove(narrows.database.engine, "before_cursor_execute", count)
    assert full == empty
