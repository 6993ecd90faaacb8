"""The database: engine, pragmas, transactions.

Of six ways to open a write transaction on SQLite only an emitted `BEGIN IMMEDIATE` on a driver that begins none by
itself lost no update; so that is how each transaction here starts, and reads take a plain `BEGIN`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlmodel import Session

WRITING = {"narrows_writes": True}


def open_engine(url: str) -> Engine:
    """A SQLAlchemy engine for `url`, SQLite's prepared for many threads and processes."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=16, max_overflow=16)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event emits it
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "cache_size=-2000",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if sqlite3.sqlite_version_info < (3, 38):
        connection.create_function("unixepoch", -1, lambda *_: int(time.time()))


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("narrows_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """Sessions on one engine. Rows stay readable after their session ended."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._writer = self.engine.execution_options(**WRITING)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session on one consistent state; what is changed in it is forgotten."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A write transaction: committed when the block ends, rolled back when it raises."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()
