"""How long a revision was read: seconds that its page was in sight and in use, as the page tells them."""

from __future__ import annotations

import math
from datetime import datetime

from server.domain.base import now
from server.domain.change import Revision
from server.domain.errors import Invalid, NotFound
from server.domain.review import Clock
from server.services.narrows import Narrows
from server.store import queries


def tick(narrows: Narrows, revision_id: int, seconds: float, at: datetime | None = None) -> float:
    """Add what was read since the last tick.

    A person has one pair of eyes: whatever windows say, together they never count more than has passed since any of
    them was heard last.

    Args:
        seconds: In use since this window's last tick.
        at: When it is told; now by default.

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
        last = max(filter(None, (queries.last_tick(db), revision.created_at)))
        clock = queries.clock(db, revision_id) or Clock(revision_id=revision_id)
        clock.seconds += counted(seconds, (at - last).total_seconds())
        clock.ticked_at = max(at, last)
        db.add(clock)
        return clock.seconds


def counted(seconds: float, passed: float) -> float:
    """Of so many told seconds those that can have been, with so many passed since anything was counted."""
    return max(0.0, min(seconds, passed))


def seconds(narrows: Narrows, revision: Revision) -> float:
    """How long it was read so far."""
    with narrows.reading() as db:
        clock = queries.clock(db, revision.id)
        return clock.seconds if clock else 0.0


def of_change(narrows: Narrows, change_id: int) -> dict[int, float]:
    """How long each revision was read so far, by its number; one that never was is left out."""
    with narrows.reading() as db:
        return queries.clocks_of_change(db, change_id)
