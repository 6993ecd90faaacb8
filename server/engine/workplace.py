"""What the engine's workflows work with. DBOS knows workflows by their names, so this is one for the process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from dbos import DBOS

from server.services.narrows import Narrows


@dataclass
class Workplace:
    """The context, who works here, and the handles to stop what runs. All of it lives in the engine's event loop."""

    narrows: Narrows
    executor: str
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)
    stops: dict[int, asyncio.Event] = field(default_factory=dict)  # by run
    answers: dict[int, asyncio.Event] = field(default_factory=dict)  # by question
    asking: Counter[int] = field(default_factory=Counter)  # by run: how many answers it waits for
    trees: dict[str, asyncio.Lock] = field(default_factory=dict)  # by worktree path, for those that are shared
    broken_off: set[str] = field(default_factory=set)  # workflows that ended here by an error, whatever DBOS has noted
    held_up: bool = False  # what may start was not started: the disk was full or nearly so, or it failed
    cleaned_at: float = -inf  # when the trash was last looked through, by the monotonic clock
    readings: dict[tuple[int, int], asyncio.Event] = field(default_factory=dict)  # by change and revision
    judges: asyncio.Semaphore = field(init=False)  # for how many revisions checks run at once: as many as agents

    def __post_init__(self) -> None:
        self.judges = asyncio.Semaphore(self.narrows.settings.agents)

    def stop_of(self, run_id: int) -> asyncio.Event:
        """Set when the run is to end."""
        return self.stops.setdefault(run_id, asyncio.Event())

    def answer_to(self, question_id: int) -> asyncio.Event:
        """Set when the run that asked need not wait any more."""
        return self.answers.setdefault(question_id, asyncio.Event())

    def end_readings(self, change_id: int, newest: int | None) -> None:
        """Nobody reads a change any more, but for its newest revision, if there is one to read."""
        for (change, revision), over in self.readings.items():
            if change == change_id and revision != newest:
                over.set()

    @contextlib.contextmanager
    def carrying_out(self) -> Iterator[None]:
        """For a task, while what it does would be written down as over once it ended: `interrupt` cancels it."""
        task = asyncio.current_task()
        assert task is not None
        self.under_way.add(task)
        if self.stopping.is_set():
            task.cancel()
        try:
            yield
        finally:
            self.under_way.discard(task)

    def interrupt(self) -> None:
        """The engine stops. What is under way gets no further than where it is: it hears of no program or git that ends
        from now on, and so takes no end that the stop brought about for its own.
        """
        self.stopping.set()
        for task in self.under_way:
            task.cancel()

    async def unless_stopping(self) -> None:
        """Goes on while the engine runs; once it stops, never returns. For what an agent's turn comes to: the library
        between us and its program may take being cancelled for an answer.
        """
        if self.stopping.is_set():
            await asyncio.Event().wait()


Workflow = Callable[[int], Coroutine[Any, Any, None]]
_current: Workplace | None = None


def noted(workflow: Workflow) -> Workflow:
    """Notes that a workflow is under way, and when it ends by an error: on a full disk DBOS can't, and would take it to
    be under way for ever.
    """

    @functools.wraps(workflow)
    async def carried_out(key: int) -> None:
        place = workplace()
        with place.carrying_out():
            try:
                await workflow(key)
            except Exception:
                if name := DBOS.workflow_id:
                    place.broken_off.add(name)
                raise

    return carried_out


def workplace() -> Workplace:
    """The engine's workplace; only while it runs."""
    assert _current is not None, "the engine is not running"
    return _current


def occupy(place: Workplace | None) -> None:
    """Set or clear the process's workplace."""
    global _current
    _current = place
