"""The clock counts what one person can have read, whatever windows say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NotFound
from server.services import clocks, revisions
from server.services.eyes import MOST, Eyes
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


def test_a_look_into_another_window_takes_nothing_from_the_first(workshop: Workshop, revision: Revision) -> None:
    reader = Reader(workshop, revision)
    reader.tells(15, 100)
    reader.tells(2, 112)  # of a window that was opened and closed again meanwhile
    assert reader.tells(15, 115) == 30
    reader.tells(1, 130)
    assert reader.tells(40, 155) == 70


def test_how_long_the_telling_took_does_not_matter(workshop: Workshop, revision: Revision) -> None:
    narrows, start = workshop.narrows, revision.created_at.timestamp()
    for ended, late in ((100, 2.5), (115, 0.1), (130, 4), (145, 0)):
        at = revision.created_at + timedelta(seconds=ended + late)
        told = clocks.tick(narrows, revision.id, 15, at=at, ended=start + ended)
    assert told == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize("ended", [3600.0, -3600.0, float("nan"), float("inf")])
def test_a_clock_that_goes_wrong_is_not_believed(workshop: Workshop, revision: Revision, ended: float) -> None:
    at = revision.created_at + timedelta(seconds=100)
    assert clocks.end_of(at, at.timestamp() + ended) == at.timestamp()
    assert clocks.end_of(at, at.timestamp() + 1) == at.timestamp(), "nobody has read what is to come"
    assert clocks.end_of(at, at.timestamp() - 1) == at.timestamp() - 1


def test_after_a_restart_nothing_counts_again(workshop: Workshop, revision: Revision) -> None:
    reader = Reader(workshop, revision)
    reader.tells(15, 100)
    object.__setattr__(workshop.narrows, "eyes", Eyes())
    assert reader.tells(15, 105) == pytest.approx(20)
    assert reader.tells(15, 118) == pytest.approx(33)


def test_eyes_remember_so_much_and_no_more() -> None:
    eyes = Eyes()
    assert sum(eyes.take(10 * n, 10 * n + 5) for n in range(MOST + 10)) == 5 * (MOST + 10)
    assert eyes.take(0, 90) == 0, "long ago counts as told"
    assert eyes.take(10 * MOST, 10 * MOST + 10) == 5
