"""A whole Narrows for a test: real database, real git, real engine, in the test's own folder."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from server.app import open_narrows
from server.domain.change import Change
from server.domain.landing import Landing
from server.domain.states import ChangeState, LandingState
from server.domain.task import Task
from server.engine.engine import Engine
from server.services import changes, landings, tasks
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database
from server.store.migrations import migrate

Answer = TypeVar("Answer")


def settings_in(folder: Path, **wishes: object) -> Settings:
    """Settings on a data folder below `folder`, made; without a budget, which few tests are about."""
    made = Settings.load({"data": str(folder / "data"), "open_browser": False, "budget": 0, **wishes}, environ={})
    return replace(made)


@functools.cache
def empty_database() -> bytes:
    """A database file at the newest schema: migrating each anew takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "narrows.db"
        database = Database(f"sqlite:///{file}")
        migrate(database.engine, Path(folder) / "backups")
        database.close()
        return file.read_bytes()


@contextlib.contextmanager
def narrows_in(folder: Path, **wishes: object) -> Iterator[Narrows]:
    """The context alone, without an engine; a new one on a copy of the empty database."""
    settings = settings_in(folder, **wishes)
    file = settings.data / "narrows.db"
    if not file.exists():
        file.write_bytes(empty_database())
    narrows = open_narrows(settings)
    try:
        yield narrows
    finally:
        narrows.bus.close()
        narrows.database.close()


@contextlib.contextmanager
def house_in(folder: Path, **wishes: object) -> Iterator[House]:
    """Narrows with its engine at work."""
    with narrows_in(folder, **wishes) as narrows:
        engine = Engine(narrows)
        house = House(narrows)
        engine.start()
        try:
            yield house
        finally:
            engine.stop()
            house.close()


class House:
    """Waits for what happens, by the bus and never by the clock."""

    def __init__(self, narrows: Narrows) -> None:
        self.narrows = narrows
        self._happened = threading.Condition()
        self._count = 0
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()
        self._listening.wait()

    async def _listen(self) -> None:
        with self.narrows.bus.subscribe() as signals:
            self._listening.set()
            while await signals.batch() is not None:
                with self._happened:
                    self._count += 1
                    self._happened.notify_all()

    def until(self, look: Callable[[], Answer | None], within: float = 30) -> Answer:
        """What `look` answers once that is something; it is asked again after each thing that happens."""
        with self._happened:
            while True:
                seen = self._count
                if (answer := look()) is not None:
                    return answer
                if not self._happened.wait_for(lambda seen=seen: self._count > seen, within):  # type: ignore[misc]
                    raise AssertionError(f"nothing happened for {within} s")

    def change_of(self, task: Task) -> Change | None:
        """The task's newest change."""
        found = tasks.standing(self.narrows, task.id).changes
        return found[-1] if found else None

    def waits(self, task: Task, state: ChangeState = ChangeState.IN_REVIEW, within: float = 30) -> Change:
        """The task's change once it is in `state`."""

        def look() -> Change | None:
            change = self.change_of(task)
            return change if change and change.state is state else None

        return self.until(look, within)

    def landed(self, landing: Landing, state: LandingState = LandingState.LANDED) -> Landing:
        """The landing once it is in `state`."""

        def look() -> Landing | None:
            found = landings.get(self.narrows, landing.id)
            assert found.state is state or found.state in (
                LandingState.QUEUED,
                LandingState.RUNNING,
                LandingState.LANDED,
            ), found.error
            return found if found.state is state else None

        return self.until(look)

    def change(self, change_id: int) -> Change:
        return changes.get(self.narrows, change_id)

    def close(self) -> None:
        self.narrows.bus.close()
        self._thread.join(timeout=5)
