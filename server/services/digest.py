"""What happened while the person read: one digest, made from the events since they began."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.domain.states import ChangeState
from server.services.narrows import Narrows
from server.store import digest_queries, queries

LARGEST = 2**63 - 1  # the largest number that a row may have


@dataclass(frozen=True)
class Digest:
    """Numbers of changes that came and wait still, each as it stands now, and of landings by their last outcome."""

    asking: list[int] = field(default_factory=list)  # changes whose agents stand still until they have an answer
    stalled: list[int] = field(default_factory=list)  # changes that need the person's word
    came: list[int] = field(default_factory=list)  # changes to read
    failed: list[int] = field(default_factory=list)  # landings
    undo_failed: list[int] = field(default_factory=list)
    landed: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())


def since(narrows: Narrows, event_id: int, besides: int = 0) -> Digest:
    """What is worth a word after that event.

    Args:
        event_id: The newest event when the reading began.
        besides: The change that was read: its own page has said what became of it.
    """
    with narrows.reading() as db:
        news = digest_queries.news(db, min(event_id, LARGEST))
        changes = {number for noun, number, _ in news if noun == "change"} - {besides}
        waiting = digest_queries.still_waiting(db, changes) if changes else {}
        asking = queries.asking_changes(db) if waiting else set()
    outcomes = {number: verb for noun, number, verb in news if noun == "landing"}
    made = Digest()
    for number, state in waiting.items():
        if number in asking:
            made.asking.append(number)
        elif state is ChangeState.NEEDS_ATTENTION:
            made.stalled.append(number)
        else:
            made.came.append(number)
    for number, outcome in outcomes.items():
        getattr(made, outcome).append(number)
    return made
