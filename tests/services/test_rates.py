"""How quickly the person reads: measured on what they decided, and near the usual pace before there is much of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from server.domain.change import Change
from server.domain.review import Clock
from server.domain.task import Kind
from server.services import changes, rates, reviews, revisions
from server.services.narrows import Narrows
from server.store.budget_queries import Reading
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

LINES = "".join(f"line {n}\n" for n in range(100))


def reading(lines: int, minutes: float, files: int = 0, **other: bool) -> Reading:
    return Reading(Kind.DIRECTED, files, lines, other.get("is_report", False), minutes, minutes * 60)


@pytest.mark.parametrize(
    ("readings", "pace"),
    [
        ([], 400),
        ([reading(200, 15)], 400 / 0.75),  # at twice the usual pace, and as much as is assumed to have been read before
        ([reading(200, 16, files=2)], 400 / 0.75),  # a minute of it went to finding the way
        ([reading(800, 60)] * 25, pytest.approx(800, rel=0.03)),
        ([reading(0, 60), reading(100, 2, is_report=True)], 400),
        ([reading(5000, 0.1)] * 50, rates.QUICKEST),
        ([reading(1, 600)] * 50, rates.SLOWEST),
    ],
)
def test_the_pace_moves_from_the_usual_one_to_the_persons_own(readings: list[Reading], pace: float) -> None:
    assert rates.lines_an_hour(readings) == pace


def test_the_error_is_the_middle_one() -> None:
    assert rates.error([]) is None
    said = [reading(1, minutes)._replace(minutes=10) for minutes in (5, 10, 20)]
    assert rates.error(said) == 0.5


def read_for(narrows: Narrows, change: Change, minutes: float, number: int = 1) -> None:
    revision = revisions.get(narrows, change.id, number)
    with narrows.transaction() as db:
        db.add(Clock(revision_id=revision.id, seconds=minutes * 60))


def decided(workshop: Workshop, minutes: float, files: Mapping[str, str] | None = None, **fields: object) -> Change:
    change = workshop.change(files or {"new.txt": LINES}, **fields)
    if minutes:
        read_for(workshop.narrows, change, minutes)
    changes.abandon(workshop.narrows, change.id)
    return change


def test_a_revision_is_estimated_at_the_pace_of_its_kind(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first = decided(workshop, minutes=8)  # half a minute of it for the file
    assert revisions.get(narrows, first.id, 1).minutes == 100 / 400 * 60 + 0.5
    workshop.change({"waits.txt": LINES})  # is not decided
    decided(workshop, minutes=0)  # was never opened
    refactored = workshop.change({"new.txt": LINES}, kind="refactoring")
    assert revisions.get(narrows, refactored.id, 1).minutes == 15.5
    again = workshop.change({"new.txt": LINES})
    assert revisions.get(narrows, again.id, 1).minutes == 13.0, "300 lines in 37.5 minutes"

    found = rates.measured(narrows)
    assert [(pace.kind, round(pace.lines_an_hour), pace.changes) for pace in found.kinds] == [(Kind.DIRECTED, 480, 1)]
    assert (found.changes, found.error) == (1, 7.5 / 8)


def test_only_the_first_revision_that_was_read_counts_as_read_whole(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"new.txt": LINES})
    read_for(narrows, change, 10)
    reviews.request_changes(narrows, change.id, revision=1, message="More.")
    [run] = workshop.admit()
    workshop.finish(run, {"new.txt": LINES + "more\n"})
    read_for(narrows, change, 1, number=2)
    changes.abandon(narrows, change.id)
    assert [pace.changes for pace in rates.measured(narrows).kinds] == [1]


def test_a_large_change_is_measured_again_without_what_moved(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    lines = "".join(f"a line with some words in it, {n}\n" for n in range(1200))
    repository.commit("before", {"old.txt": lines, "rest.txt": "rest\n"})
    change = workshop.change(
        {"old.txt": "kept\n", "new.txt": f"{'longer ' * 9}\n" * 1200 + lines, "rest.txt": "other\n"}
    )
    taken = revisions.get(narrows, change.id, 1)
    assert (taken.additions + taken.deletions, taken.reading_files, taken.reading_lines) == (3603, 3, 1203)
    with narrows.transaction() as db:
        revisions.measure(taken, revisions.files(narrows, taken))
        db.merge(taken)
    assert taken.reading_lines == 3603, "while it is written down"
    revisions.measure_large(narrows, taken)
    assert revisions.get(narrows, change.id, 1) == taken
    assert taken.reading_lines == 1203
