"""Who comes back to a change is told what they said last, where they stopped, and what is new; nobody else is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.domain.change import Change
from server.domain.diff import Comparison
from server.domain.review import Verdict
from server.services import changes, clocks, comparisons, reentry, reviews, revisions, viewed
from server.services.reentry import Reentry
from tests.services.workshop import Workshop


class Reader:
    """Opens the page of a change, so many minutes after it came."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop, self.narrows = workshop, workshop.narrows
        self.change: Change = workshop.change({"one.txt": "1\n", "two.txt": "2\n"})
        self.start = revisions.get(self.narrows, self.change.id, 1).created_at

    def at(self, minutes: float) -> datetime:
        return self.start + timedelta(minutes=minutes)

    def reads(self, minutes: float, seconds: float = 30, number: int = 1) -> None:
        revision = revisions.get(self.narrows, self.change.id, number)
        clocks.tick(self.narrows, revision.id, seconds, at=self.at(minutes))

    def comparison(self) -> Comparison:
        newest = revisions.of_change(self.narrows, self.change.id)[-1]
        return comparisons.opening(self.narrows, changes.get(self.narrows, self.change.id), newest)

    def opens(self, minutes: float) -> Reentry | None:
        change, shown = changes.get(self.narrows, self.change.id), self.comparison()
        newest = revisions.of_change(self.narrows, self.change.id)[-1]
        marked = viewed.viewed(self.narrows, shown)
        return reentry.of(self.narrows, change, newest, shown, marked, at=self.at(minutes))

    def marks(self, path: str) -> None:
        shown = self.comparison()
        viewed.mark(self.narrows, shown, comparisons.find_position(self.narrows, shown, path))


@pytest.fixture
def reader(workshop: Workshop) -> Reader:
    return Reader(workshop)


def test_the_first_reading_has_no_card(reader: Reader) -> None:
    assert reader.opens(0) is None
    assert reader.opens(600) is None, "it waited, and nobody looked"
    reader.reads(600, seconds=2)
    assert reader.opens(700) is None, "a glance is no reading"


def test_after_ten_minutes_away_one_is_back(reader: Reader) -> None:
    reader.reads(5)
    assert reader.opens(14) is None
    back = reader.opens(16)
    assert back == Reentry(reader.at(5), 1, None, None)
    reader.reads(17)
    assert reader.opens(18) is None, "being there, one need not be told"


def test_a_new_revision_is_told_however_soon_it_comes(reader: Reader, workshop: Workshop) -> None:
    reader.reads(5)
    reviews.request_changes(workshop.narrows, reader.change.id, revision=1, message="A third one, please.")
    [run] = workshop.admit()
    workshop.finish(run, {"three.txt": "3\n"})
    back = reader.opens(0)
    assert back
    assert (back.revision, back.stopped) == (1, None)
    assert back.review
    assert (back.review.verdict, back.review.message) == (Verdict.REQUEST_CHANGES, "A third one, please.")
    reader.reads(60 * 24, number=2)
    assert reader.opens(60 * 24 + 5) is None, "it was read"


def test_putting_off_says_nothing(reader: Reader, workshop: Workshop) -> None:
    reviews.later(workshop.narrows, reader.change.id)
    assert reader.opens(600) is None, "it was not read"
    reader.reads(5)
    back = reader.opens(600)
    assert back
    assert back.review is None


def test_one_stopped_after_the_file_that_was_marked_last(reader: Reader) -> None:
    reader.reads(5)
    reader.marks("two.txt")
    reader.marks("one.txt")
    back = reader.opens(60)
    assert back
    assert back.stopped == (0, "one.txt")
    shown = reader.comparison()
    viewed.unmark(reader.narrows, shown, 0)
    back = reader.opens(60)
    assert back
    assert back.stopped == (1, "two.txt")


def test_a_change_that_waits_for_nobody_has_no_card(reader: Reader, workshop: Workshop) -> None:
    reader.reads(5)
    changes.abandon(workshop.narrows, reader.change.id)
    assert reader.opens(600) is None
    changes.restore(workshop.narrows, reader.change.id)
    back = reader.opens(60 * 24)
    assert back
    assert back.review
    assert back.review.verdict is Verdict.ABANDON
