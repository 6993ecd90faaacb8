"""Where nothing happens, nothing is done: no process is started, nothing is written."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from server.engine import dispatch
from server.services import agents, projects, tasks
from tests.support.house import house_in
from tests.support.repositories import Repository

pytestmark = pytest.mark.alone

WATCHED = 2.5  # seconds; DBOS's own threads look each second


def test_an_idle_engine_starts_no_process_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "HEARTBEAT", 600)
    repository = Repository.make(tmp_path)
    with house_in(tmp_path) as house:
        agents.add(house.narrows, "sayer", "command", ["/bin/sh", "-c", "echo said > said.txt"])
        project = projects.register(house.narrows, str(repository.path), checks=["true"])
        house.waits(tasks.file(house.narrows, project_id=project.id, title="Say it", agent="sayer"))
        started: list[object] = []
        plain = subprocess.Popen.__init__

        def counted(self: subprocess.Popen[bytes], *args: object, **kwargs: object) -> None:
            started.append(args)
            plain(self, *args, **kwargs)  # type: ignore[call-overload]

        files = [house.narrows.settings.data / name for name in ("narrows.db", "engine.db")]
        with closing(sqlite3.connect(files[0])) as ours, closing(sqlite3.connect(files[1])) as dbos:

            def versions() -> list[int]:
                """One number a database, which changes when another connection writes."""
                return [each.execute("PRAGMA data_version").fetchone()[0] for each in (ours, dbos)]

            settle(versions)
            before = versions()
            monkeypatch.setattr(subprocess.Popen, "__init__", counted)
            time.sleep(WATCHED)  # nothing is what is waited for
            assert (versions(), started) == (before, [])


def settle(versions: Callable[[], list[int]]) -> None:
    """Let the last words of the run be written: its workflow's own end."""
    seen: list[int] = []
    while (found := versions()) != seen:
        seen = found
        time.sleep(0.3)
