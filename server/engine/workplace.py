"""What the engine's workflows work with. DBOS knows workflows by their names, so this is one for the process."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from server.services.narrows import Narrows


@dataclass
class Workplace:
    """The context, who works here, and the handles to stop what runs. All of it lives in the engine's event loop."""

    narrows: Narrows
    executor: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stops: dict[int, asyncio.Event] = field(default_factory=dict)  # by run
    answers: dict[int, asyncio.Event] = field(default_factory=dict)  # by question
    asking: Counter[int] = field(default_factory=Counter)  # by run: how many answers it waits for
    trees: dict[str, asyncio.Lock] = field(default_factory=dict)  # by worktree path, for those that are shared

    def stop_of(self, run_id: int) -> asyncio.Event:
        """Set when the run is to end."""
        return self.stops.setdefault(run_id, asyncio.Event())

    def answer_to(self, question_id: int) -> asyncio.Event:
        """Set when the run that asked need not wait any more."""
        return self.answers.setdefault(question_id, asyncio.Event())

    async def unless_stopping(self) -> None:
        """Goes on while the engine runs. Once it stops, never returns: what it was doing is not over, only interrupted,
        and an outcome must not be written down for it.
        """
        if self.stopping.is_set():
            await asyncio.Event().wait()


_current: Workplace | None = None


def workplace() -> Workplace:
    """The engine's workplace; only while it runs."""
    assert _current is not None, "the engine is not running"
    return _current


def occupy(place: Workplace | None) -> None:
    """Set or clear the process's workplace."""
    global _current
    _current = place
