"""How long a revision was read: seconds that its page was in sight and in use, as the page tells them."""

from __future__ import annotations

import math
from datetime import datetime

from server.bus import Signal
from server.domain.base import now
from server.domain.change import Revision
from server.domain.errors import Invalid, NotFound
from server.domain.review import Clock
from server.services.narrows import Narrows
from server.store import queries

RIGHT = 10.0  # seconds between a window's clock and ours, the time of telling included: more is another clock


def tick(
    narrows: Narrows, revision_id: int, seconds: float, at: datetime | None = None, ended: float | None = None
) -> float:
    """Add a stretch that was read.

    A person has one pair of eyes: of what several windows tell, no moment counts twice, and none that was not yet.

    Args:
        seconds: How long the stretch was in use.
        at: When it is told; now by default.
        ended: When it ended by the window's clock, in seconds since 1970, so that it does not matter how long the
            telling took; by default as it is told.

    Returns:
        The revision's seconds so far.

    Raises:
        Invalid: No length of time.
        NotFound: No such revision.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
        raise Invalid("seconds", "That is no length of time.", "Give seconds, from 0.")
    at = at or now()
    with narrows.transaction() as db:
        revision = db.get(Revision, revision_id)
        if revision is None:
            raise NotFound(f"There is no revision with the id {revision_id}.")
        last = queries.last_tick(db)
        if last:
            narrows.eyes.counted_until(last)
        end = end_of(at, ended)
        begin = max(end - seconds, revision.created_at.timestamp())
        clock = queries.clock(db, revision_id) or Clock(revision_id=revision_id)
        clock.seconds = round(clock.seconds + narrows.eyes.take(begin, end), 6)  # moments are known no better than that
        clock.ticked_at = max(at, last or at)
        db.add(clock)
        so_far = clock.seconds
    narrows.bus.publish(Signal("clock", "ticked", revision_id))  # what was read makes room in the budget
    return so_far


def end_of(at: datetime, ended: float | None) -> float:
    """When a stretch that is told `at` ended: by its window's clock where that goes right, never later than told."""
    told = at.timestamp()
    return min(ended, told) if ended is not None and abs(told - ended) <= RIGHT else told


def seconds(narrows: Narrows, revision: Revision) -> float:
    """How long it was read so far."""
    with narrows.reading() as db:
        clock = queries.clock(db, revision.id)
        return clock.seconds if clock else 0.0


def of_change(narrows: Narrows, change_id: int) -> dict[int, float]:
    """How long each revision was read so far, by its number; one that never was is left out."""
    with narrows.reading() as db:
        return queries.clocks_of_change(db, change_id)
