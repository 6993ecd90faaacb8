"""The order of the desk as it comes from what is stored, and the person's own word about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, text

from server.domain.base import now
from server.domain.change import Change, Revision
from server.domain.errors import WrongState
from server.domain.forecast import Forecast
from server.domain.project import Project
from server.domain.review import Clock, Review, Verdict
from server.domain.risk import Risk, RiskLevel
from server.domain.task import Task, TaskLink
from server.services import clocks, desk, forecasts, reviews, revisions
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.speed import spent, yardstick


def whys(narrows: Narrows) -> dict[int, str]:
    return {each.change.id: each.why_here for each in desk.desk(narrows).waiting}


def line(narrows: Narrows) -> list[int]:
    return list(whys(narrows))


def test_what_others_wait_for_comes_first_and_each_is_counted_once(workshop: Workshop) -> None:
    workshop.change(title="alone")
    wanted = workshop.change(title="wanted")
    after = workshop.file("after", after=[wanted.task_id])
    workshop.file("after both", after=[wanted.task_id, after.id])
    assert whys(workshop.narrows) == {wanted.id: "unblocks two tasks", 1: f"comes after #{wanted.id}"}


def test_what_was_read_or_sent_back_is_still_in_mind(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first, second, third = (workshop.change(title=title) for title in "abc")
    clocks.tick(narrows, second.id, 1)
    clocks.tick(narrows, second.id, 1)
    assert line(narrows) == [second.id, first.id, third.id]
    assert whys(narrows)[second.id] == "you have it in mind"
    reviews.request_changes(narrows, third.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    workshop.finish(run, {"new.txt": "new\n"})
    assert line(narrows)[-1] == first.id


def test_the_riskier_is_read_first(workshop: Workshop) -> None:
    _, second = (workshop.change(title=title) for title in "ab")
    [revision] = revisions.of_change(workshop.narrows, second.id)
    with workshop.narrows.transaction() as db:
        db.add(Risk(revision_id=revision.id, level=RiskLevel.HIGH, points=7))
    waiting = desk.desk(workshop.narrows).waiting
    assert [each.change.id for each in waiting] == [2, 1]
    assert waiting[0].why_here == "high risk"
    assert [each.risk and each.risk.level for each in waiting] == [RiskLevel.HIGH, None]


def test_of_three_that_cross_the_one_in_the_middle_waits_for_the_others(workshop: Workshop) -> None:
    """As the forecast sees them, with real merges."""
    narrows = workshop.narrows
    middle = workshop.change({"notes.txt": "ONE\ntwo\nTHREE\n"})
    top = workshop.change({"notes.txt": "1\ntwo\nthree\n"})
    end = workshop.change({"notes.txt": "one\ntwo\n3\n"})
    while forecasts.advance(narrows, workshop.project.id):
        pass
    assert line(narrows) == [top.id, end.id, middle.id]
    assert whys(narrows)[end.id] == f"landing it late would conflict with #{middle.id}"
    workshop.land(top)
    while forecasts.advance(narrows, workshop.project.id):
        pass
    assert whys(narrows)[end.id] == f"#{middle.id} conflicts as it is"


def test_what_is_pinned_stays_first_until_it_is_unpinned_or_put_off(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first, second, third = (workshop.change(title=title) for title in "abc")
    assert reviews.pin(narrows, third.id).pinned_at is not None
    reviews.pin(narrows, second.id)
    assert line(narrows) == [second.id, third.id, first.id]
    assert whys(narrows)[second.id] == "you pinned it"
    reviews.unpin(narrows, second.id)
    reviews.unpin(narrows, second.id)
    assert line(narrows) == [third.id, first.id, second.id]
    reviews.later(narrows, third.id)
    assert line(narrows) == [first.id, second.id, third.id]
    reviews.pin(narrows, third.id)
    assert line(narrows) == [third.id, first.id, second.id]


def test_a_pinned_change_comes_back_first_and_only_what_waits_is_pinned(workshop: Workshop) -> None:
    narrows = workshop.narrows
    _, second = (workshop.change(title=title) for title in "ab")
    reviews.pin(narrows, second.id)
    reviews.request_changes(narrows, second.id, revision=1, message="Louder.")
    with pytest.raises(WrongState, match="is working: it does not wait for you"):
        reviews.pin(narrows, second.id)
    [run] = workshop.admit()
    workshop.finish(run, {"new.txt": "new\n"})
    assert line(narrows)[0] == second.id


def test_a_thousand_changes_are_put_in_order_by_the_same_few_statements_and_soon(
    narrows: Narrows, project: Project
) -> None:
    fill(narrows, project, 1000)
    asked: list[object] = []
    event.listen(narrows.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with narrows.reading() as db:
        db.execute(text("SELECT 1"))
        asked.clear()
        assert len(desk.line(db)) == 1000
        assert len(asked) == 3
        took = spent(lambda: desk.line(db))
    assert took < 10 * yardstick()


def fill(narrows: Narrows, project: Project, count: int) -> None:
    """So many changes in review, with links, forecasts, risks, clocks and reviews, some four that cross each."""
    with narrows.transaction() as db:
        numbers = range(1, count + 1)
        rows: list[tuple[type, list[dict[str, object]]]] = [
            (Task, [{"id": n, "project_id": project.id, "title": "t", "agent": "demo"} for n in numbers]),
            (TaskLink, [{"task_id": n, "after_id": n // 2} for n in numbers if n > 1]),
            (
                Change,
                [
                    {
                        "id": n,
                        "task_id": n,
                        "project_id": project.id,
                        "agent": "demo",
                        "state": "in_review",
                        "ready_at": now() - timedelta(minutes=n),
                    }
                    for n in numbers
                ],
            ),
            (
                Revision,
                [
                    {"id": n, "change_id": n, "number": 1, "commit": f"{n:040}", "base": "b", "minutes": n % 60}
                    | {"tree": f"{n:040}", "base_tree": "c"}
                    for n in numbers
                ],
            ),
            (Risk, [{"revision_id": n, "level": "medium", "points": 4} for n in numbers]),
            (Clock, [{"revision_id": n, "ticked_at": now()} for n in numbers]),
            (Review, [{"change_id": n, "revision_id": n, "verdict": Verdict.LAND} for n in numbers]),
            (
                Forecast,
                [
                    {"project_id": project.id, "target": "t", "second": f"{m:040}", "first": f"{n:040}"}
                    | {"conflicts": ["a.py"]}
                    for n in numbers
                    for m in range(n + 1, min(n + 3, count + 1))
                ],
            ),
        ]
        for table, values in rows:
            db.connection().execute(insert(table), values)
