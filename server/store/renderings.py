"""What was made of files for reading, kept in a SQLite file of its own that may be lost at any time.

Nothing here is ever migrated or mended: a file of another version, or one that is broken, is deleted. A connection
lives as long as one call, so the file may also be taken away while the server runs.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

LIMIT = 300_000_000  # bytes of values
ROOM = 0.9  # the share of the limit that is left when the least recently used ones are dropped
AT_ONCE = 500  # keys in one question; SQLite takes no more than 999 in an old version
FRESH = 3600  # seconds in which a use is not noted again
WAIT = 2.0  # seconds for another process that is writing; then nothing is kept
VERSION = 1  # of the table below

T = TypeVar("T")
log = logging.getLogger(__name__)


class Renderings:
    """Texts by digests of what they were made from. Failing is no error: then nothing was kept."""

    def __init__(self, file: Path, limit: int = LIMIT) -> None:
        self._file = file
        self._limit = limit

    def get(self, keys: Collection[bytes]) -> dict[bytes, str]:
        """Those that are kept, of the keys asked for."""
        if not keys or not self._file.exists():
            return {}
        return self._use(lambda connection: _read(connection, keys)) or {}

    def known(self, keys: Collection[bytes]) -> set[bytes]:
        """Which of the keys are kept; for whoever makes what is missing."""
        if not keys or not self._file.exists():
            return set()
        return self._use(lambda connection: _look_up(connection, keys)) or set()

    def put(self, values: Mapping[bytes, str]) -> None:
        """Keep texts; the least recently used ones go where there is no room for all."""
        packed = [(key, zlib.compress(text.encode(), 1)) for key, text in values.items()]
        fitting = [(key, value, len(value), _now()) for key, value in packed if len(value) <= self._limit // 4]
        if fitting and self._use(lambda connection: self._write(connection, fitting)) is None:
            self._use(lambda connection: self._write(connection, fitting))  # the broken file is gone

    def _write(self, connection: sqlite3.Connection, values: list[tuple[bytes, bytes, int, int]]) -> bool:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO kept (key, value, size, used) VALUES (?, ?, ?, ?)", values)
            (total,) = connection.execute("SELECT total(size) FROM kept").fetchone()
            if total > self._limit:
                _drop_oldest(connection, total - ROOM * self._limit)
        return True

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` gives on a sound file, else None: a broken file is deleted."""
        try:
            with contextlib.closing(sqlite3.connect(self._file, timeout=WAIT, isolation_level=None)) as connection:
                _prepare(connection)
                return work(connection)
        except sqlite3.OperationalError as error:  # a full disk, no rights, another one that writes for long
            log.warning("%s can't be used now: %s", self._file, error)
        except (sqlite3.DatabaseError, zlib.error, UnicodeDecodeError) as error:
            log.warning("%s is made anew: %s", self._file, error)
            self._delete()
        return None

    def _delete(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._file.with_name(self._file.name + ending).unlink()


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("PRAGMA synchronous=OFF")  # what a power cut spoils is made again
    if version == VERSION:
        return
    if version != 0:
        raise sqlite3.DatabaseError(f"it has version {version}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(
        f"""
        BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB, size INTEGER, used INTEGER);
        CREATE INDEX IF NOT EXISTS kept_by_use ON kept (used, key, size);
        PRAGMA user_version = {VERSION};
        COMMIT;
        """
    )


def _read(connection: sqlite3.Connection, keys: Collection[bytes]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for some in _parts(keys):
        stale = []
        asked = f"SELECT key, value, used FROM kept WHERE key IN ({_marks(some)})"
        for key, value, used in connection.execute(asked, some):
            found[key] = zlib.decompress(value).decode()
            if used < _now() - FRESH:
                stale.append(key)
        if stale:
            connection.execute(f"UPDATE kept SET used = ? WHERE key IN ({_marks(stale)})", [_now(), *stale])
    return found


def _look_up(connection: sqlite3.Connection, keys: Collection[bytes]) -> set[bytes]:
    asked = (connection.execute(f"SELECT key FROM kept WHERE key IN ({_marks(some)})", some) for some in _parts(keys))
    return {key for rows in asked for (key,) in rows}


def _drop_oldest(connection: sqlite3.Connection, size: float) -> None:
    """Delete as many of the least recently used ones as make up that size."""
    by_age = "SELECT key, sum(size) OVER (ORDER BY used, key) - size AS before FROM kept"
    connection.execute(f"DELETE FROM kept WHERE key IN (SELECT key FROM ({by_age}) WHERE before < ?)", (size,))


def _now() -> int:
    return int(time.time())


def _marks(keys: Collection[bytes]) -> str:
    return ",".join("?" * len(keys))


def _parts(keys: Collection[bytes]) -> Iterator[list[bytes]]:
    left = iter(keys)
    while part := list(islice(left, AT_ONCE)):
        yield part
