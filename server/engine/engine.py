"""The engine: one thread with an event loop of its own, in which DBOS carries out every workflow."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import Engine as Connections
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from server.domain.errors import Unavailable
from server.engine import (
    cadence,
    cleaning,
    counterproofs,
    dispatch,
    examining,
    following,
    forecasting,
    processes,
    recovery,
    rendering,
    trials,
)
from server.engine.workplace import Workplace, occupy
from server.git import children
from server.services.narrows import Narrows

# Constant, so that work begun by another version of Narrows is recovered by this one.
WORKFLOWS_VERSION = "1"
LONGEST = 3.0  # seconds for ending what was interrupted: its programs are gone by then
log = logging.getLogger(__name__)


class Engine:
    """Runs agents, checks and landings in the background, from `start` to `stop`."""

    def __init__(self, narrows: Narrows, executor: str = "local") -> None:
        self.narrows = narrows
        self.executor = executor
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._place: Workplace | None = None
        self._thread = threading.Thread(target=self._run, name="narrows-engine", daemon=True)

    def start(self) -> None:
        """Recover what an earlier process left, then work. Returns when that is done.

        Raises:
            Unavailable: The engine could not start; the log says why.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise Unavailable("The engine could not start.", f"{self._failure}") from self._failure

    def stop(self) -> None:
        """End every program in under three seconds. What was running goes on at the next start."""
        if self._loop and self._place:
            with contextlib.suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._place.interrupt)
        ending = threading.Thread(target=children.stop)
        ending.start()
        processes.stop_all(within=2.0)
        ending.join()
        self._thread.join(timeout=5)
        processes.stop_all(within=0.5)  # whatever was being started just then

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as failure:
            self._failure = failure
            log.exception("the engine failed")
        finally:
            occupy(None)
            self._ready.set()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._place = place = Workplace(self.narrows, self.executor)
        occupy(place)
        await asyncio.to_thread(recovery.before_launch, place)
        connections = await asyncio.to_thread(_sound_connections, self.narrows.settings.engine_database_url)
        _launch(connections, self.executor)
        try:
            async with asyncio.TaskGroup() as tasks:
                working = [
                    tasks.create_task(dispatch.work(place, self._ready.set)),
                    tasks.create_task(trials.work(place)),
                    tasks.create_task(rendering.work(place)),
                    tasks.create_task(examining.work(place)),
                    tasks.create_task(counterproofs.work(place)),
                    tasks.create_task(forecasting.work(place)),
                    tasks.create_task(following.work(place)),
                    tasks.create_task(cleaning.work(place)),
                    tasks.create_task(cadence.work(place)),
                ]
                await place.stopping.wait()
                for task in working:
                    task.cancel()
        finally:
            place.interrupt()
            await _let_go(place)
            # From a thread: DBOS waits for its own threads, which may wait for this loop.
            await asyncio.to_thread(DBOS.destroy)
            connections.dispose()


async def _let_go(place: Workplace) -> None:
    """Once what was interrupted has ended its programs, nothing else in this loop goes on: it would find DBOS gone, and
    complain.
    """
    if place.under_way:
        await asyncio.wait(place.under_way, timeout=LONGEST)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=LONGEST)


def _launch(connections: Connections, executor: str) -> None:
    """Start DBOS in this loop: launched within a running loop, it carries out workflows there."""
    logging.getLogger("dbos").setLevel(logging.ERROR)
    config: DBOSConfig = {
        "name": "narrows",
        "system_database_url": connections.url.render_as_string(hide_password=False),
        "system_database_engine": connections,
        "application_version": WORKFLOWS_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()


def _sound_connections(url: str) -> Connections:
    """DBOS's own database. A spoilt file is set aside: what is to be done stands in Narrows' tables, too."""
    connections = _connections(url)
    try:
        with connections.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master" if url.startswith("sqlite") else "SELECT 1")
    except DatabaseError as error:
        file = connections.url.database
        if isinstance(error, OperationalError) or not url.startswith("sqlite") or not file:
            raise
        connections.dispose()
        aside = f"{file}.spoilt-{time.strftime('%Y%m%d-%H%M%S')}"
        log.error("%s is spoilt (%s); set aside as %s", file, error.orig, aside)
        for part in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(file + part).rename(aside + part)
        return _connections(url)
    return connections


def _connections(url: str) -> Connections:
    """DBOS's own database. It sets no WAL, and needs `unixepoch`, which SQLite has since 3.38."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        if sqlite3.sqlite_version_info < (3, 42):  # the modifier "subsec" came with it
            connection.create_function("unixepoch", -1, lambda *_: time.time())

    return engine
