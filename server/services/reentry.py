"""Coming back to a change: what the person said of it last, where they stopped, and what is new since."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.domain.base import now
from server.domain.change import Change, Revision
from server.domain.diff import Comparison
from server.domain.review import Review
from server.domain.states import Turn
from server.services.comparisons import READ
from server.services.narrows import Narrows
from server.store import reentry_queries

AWAY = timedelta(minutes=10)  # who was away for less knows where they are
MARKS = 50  # of the newest on files of these names are looked through for one that fits


@dataclass(frozen=True)
class Reentry:
    """Of a change that was looked at before. `stopped`: position and name of the file that was marked last."""

    at: datetime  # when it was looked at last
    revision: int  # its newest revision then; 0: it had none
    review: Review | None  # the last verdict, unless it only put the change off
    stopped: tuple[int, str] | None


def of(
    narrows: Narrows,
    change: Change,
    newest: Revision,
    comparison: Comparison,
    marked: Collection[int],
    at: datetime | None = None,
) -> Reentry | None:
    """What the person should know who comes back to a change; None where they were never there, or hardly left.

    Args:
        newest: The revision that is read now.
        comparison: As it is read.
        marked: Positions of its files that bear a mark.
        at: When it is read; now by default.
    """
    if change.turn is not Turn.YOURS:
        return None
    with narrows.reading() as db:
        read = reentry_queries.last_read(db, change.id, READ)
        judged = reentry_queries.last_review(db, change.id)
        review, number = judged or (None, None)
        looks = [read] if read else []
        if review:
            looks.append((number or 0, review.created_at))
        if not looks:
            return None
        last = max(moment for _, moment in looks)
        known = max(number for number, _ in looks)
        if known >= newest.number and (at or now()) - last <= AWAY:
            return None
        marks = reentry_queries.last_viewed(db, comparison, MARKS) if marked else []
    stopped = next(((position, path) for position, path in marks if position in marked), None)
    return Reentry(last, known, review, stopped)
