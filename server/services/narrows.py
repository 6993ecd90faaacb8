"""What every service needs: the settings, the database, the bus, the agents that this installation has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from server.bus import Bus, Signal
from server.domain.agent import Agent, Found
from server.domain.agent_facts import Facts
from server.domain.event import Event
from server.services.eyes import Eyes
from server.settings import Settings
from server.store.database import Database


@dataclass(frozen=True)
class Narrows:
    """One for the process. What services may not reach comes from the agents' layer: `built_in`, `probe`, `describe`.

    `probe` looks for an agent's program and asks for its version, which may take seconds; `describe` answers at once.
    """

    settings: Settings
    database: Database
    bus: Bus = field(default_factory=Bus)
    built_in: tuple[Agent, ...] = ()
    probe: Callable[[Agent], Found] = lambda _agent: Found(path=None, version=None)
    describe: Callable[[Agent], tuple[Facts, Found]] = lambda agent: (
        Facts(agent.name, description=agent.description),
        Found(None, None),
    )
    eyes: Eyes = field(default_factory=Eyes, repr=False)
    _published: deque[int | None] = field(default_factory=lambda: deque(maxlen=1000), repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A write transaction; the events recorded in it are published once it is committed."""
        with self.database.writing() as db:
            yield db
            db.flush()
            signals = [signal_of(event) for event in db.info.get("events", [])]
        for signal in signals:
            self._published.append(signal.event_id)
            self.bus.publish(signal)

    def published(self, event_id: int) -> bool:
        """Whether this process told its own bus of that event not long ago."""
        return event_id in self._published

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at one consistent state."""
        with self.database.reading() as db:
            yield db

    def mirror(self, project_id: int) -> Path:
        """Where the project's mirror is."""
        return self.settings.mirrors / f"{project_id}.git"

    def tree(self, project_id: int, slot: int) -> Path:
        """Where one of the project's worktrees is."""
        return self.settings.worktrees / str(project_id) / str(slot)

    def run_folder(self, run_id: int) -> Path:
        """Where a run's prompt, transcript and logs are."""
        return self.settings.runs / str(run_id)


def signal_of(event: Event) -> Signal:
    """A stored event as the bus carries it."""
    data = {**event.data, "project_id": event.project_id, "change_id": event.change_id}
    return Signal(event.noun, event.verb, event.noun_id, event.id, data)
