"""Hearing of a branch that moves in a user's repository: the operating system says so, and nobody polls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from server.domain.errors import NarrowsError
from server.git import mirrors

# Reading is no move: Narrows itself reads there, and would wake itself.
MOVES: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
PACKED = "packed-refs"
LOOK_EVERY = 0.25  # seconds between two looks at what can't be watched
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """A repository as it was found: one that was put in its place is another."""

    path: Path
    marks: tuple[int, ...]

    @classmethod
    def of(cls, path: Path) -> _Place | None:
        try:
            return cls(path, tuple(each.stat().st_ino for each in (path, path / ".git")))
        except OSError:
            return None


class Watch:
    """Watches the branches of some repositories, and tells of each move by the project's number.

    Where the folder is gone, or its file system can't be watched, nothing is heard, and nothing fails.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._observer: BaseObserver | None = None
        self._over = False
        self._kept: dict[int, tuple[_Place, list[ObservedWatch]]] = {}

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        if self._observer:
            self._observer.stop()
            self._observer.join()

    def keep(self, projects: Mapping[int, Path]) -> None:
        """Watch exactly these, each by its project's number."""
        places = {number: place for number, path in projects.items() if (place := _Place.of(path))}
        for number, (place, watches) in list(self._kept.items()):
            if places.get(number) != place:
                self._drop(number, watches)
        for number, place in places.items():
            if number not in self._kept:
                self._kept[number] = (place, self._begin(number, place))

    def _drop(self, number: int, watches: list[ObservedWatch]) -> None:
        assert self._observer is not None
        for watch in watches:
            self._observer.unschedule(watch)
        del self._kept[number]

    def _begin(self, number: int, place: _Place) -> list[ObservedWatch]:
        watches: list[ObservedWatch] = []
        try:
            git_dir = mirrors.common_dir(place.path)
            for folder, deep, only in _folders(git_dir):
                teller = _Teller(lambda: self._tell(number), only)
                watches.append(self._running().schedule(teller, str(folder), recursive=deep, event_filter=MOVES))
        except (OSError, NarrowsError) as error:
            if not self._over:  # what was begun before that finds the observer gone
                log.warning("%s can't be watched: %s", place.path, error)
        return watches

    def _running(self) -> BaseObserver:
        if self._observer is None:
            self._observer = Observer()
            self._observer.start()
        return self._observer


async def gone(file: Path, within: float) -> None:
    """Returns when there is no such file, and after so many seconds in any case."""
    loop, moved = asyncio.get_running_loop(), asyncio.Event()
    with contextlib.suppress(TimeoutError), _hearing(file.parent, moved.set, loop) as heard:
        async with asyncio.timeout(within):
            while os.path.lexists(file):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if heard else LOOK_EVERY):
                        await moved.wait()
                moved.clear()


@contextlib.contextmanager
def _hearing(folder: Path, tell: Callable[[], None], loop: asyncio.AbstractEventLoop) -> Iterator[bool]:
    """Tell, in the loop, of whatever moves in a folder. Whether that can be heard."""
    observer = Observer()
    try:
        observer.schedule(_Waker(loop, tell), str(folder), event_filter=MOVES)
        observer.start()
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        observer.stop()
        observer.join()


def _folders(git_dir: Path) -> list[tuple[Path, bool, str]]:
    """Where a branch's commit stands: a file of its own, a line of the packed ones, or a table; whether what lies below
    counts, and the one name that does.
    """
    files = [(git_dir / "refs/heads", True, ""), (git_dir / "refs/remotes", True, "")]
    tables = [(git_dir, False, PACKED), (git_dir / "reftable", False, "")]
    return [(folder, deep, only) for folder, deep, only in (*files, *tables) if folder.is_dir()]


class _Waker(FileSystemEventHandler):
    """Passes on that anything moved, to a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
        self._loop, self._tell = loop, tell

    def on_any_event(self, _event: FileSystemEvent) -> None:
        self._loop.call_soon_threadsafe(self._tell)


class _Teller(FileSystemEventHandler):
    """Passes on that something moved; what git has locked has not moved yet."""

    def __init__(self, tell: Callable[[], None], only: str) -> None:
        self._tell, self._only = tell, only

    def on_any_event(self, event: FileSystemEvent) -> None:
        name = os.fsdecode(os.path.basename(event.dest_path or event.src_path))  # noqa: PTH119 (bytes, too)
        if not name.endswith(".lock") and self._only in ("", name):
            self._tell()
