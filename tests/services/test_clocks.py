"""The clock counts what one person can have read, whatever windows say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NotFound
from server.services import clocks, revisions
from tests.services.workshop import Workshop


@pytest.fixture
def revision(workshop: Workshop) -> Revision:
    change = workshop.change({"a.txt": "a\n"})
    return revisions.get(workshop.narrows, change.id, 1)


class Reader:
    """Tells the clock, so many seconds after the revision was taken."""

    def __init__(self, workshop: Workshop, revision: Revision) -> None:
        self.narrows, self.revision, self.start = workshop.narrows, revision, revision.created_at

    def tells(self, seconds: float, at: float, revision: Revision | None = None) -> float:
        return clocks.tick(self.narrows, (revision or self.revision).id, seconds, at=self.start + timedelta(seconds=at))


def test_what_is_told_adds_up(workshop: Workshop, revision: Revision) -> None:
    reader = Reader(workshop, revision)
    assert clocks.seconds(workshop.narrows, revision) == 0
    assert clocks.of_change(workshop.narrows, revision.change_id) == {}
    assert [reader.tells(15, 100), reader.tells(15, 115), reader.tells(3, 400)] == [15, 30, 33]
    assert clocks.seconds(workshop.narrows, revision) == 33
    assert clocks.of_change(workshop.narrows, revision.change_id) == {1: 33}


def test_several_windows_never_count_twice(workshop: Workshop, revision: Revision) -> None:
    reader = Reader(workshop, revision)
    for at in range(20, 320, 15):  # two windows side by side, each in use all the time
        reader.tells(15, at)
        reader.tells(15, at + 5)
    assert clocks.seconds(workshop.narrows, revision) == 15 + 19 * 15 + 5


def test_nobody_reads_two_changes_at_once(workshop: Workshop, revision: Revision) -> None:
    other_change: Change = workshop.change({"b.txt": "b\n"})
    other = revisions.get(workshop.narrows, other_change.id, 1)
    reader = Reader(workshop, revision)
    reader.tells(15, 1000)
    assert reader.tells(15, 1005, other) == 5


def test_a_window_can_not_tell_more_than_has_passed(workshop: Workshop, revision: Revision) -> None:
    reader = Reader(workshop, revision)
    assert reader.tells(3600, 10) == 10, "it was taken ten seconds ago"
    assert reader.tells(3600, 70) == 70
    assert reader.tells(3600, 60) == 70, "a clock that was set back takes nothing away"


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_what_is_no_length_of_time_is_refused(workshop: Workshop, revision: Revision, seconds: float) -> None:
    with pytest.raises(Invalid):
        clocks.tick(workshop.narrows, revision.id, seconds)
    with pytest.raises(NotFound):
        clocks.tick(workshop.narrows, 999, 1)
    assert clocks.seconds(workshop.narrows, revision) == 0


def test_of_what_is_told_only_what_can_have_been_counts() -> None:
    told = [clocks.counted(15, passed) for passed in (15, 5, 0, -3)]
    assert told == [15, 5, 0, 0]
