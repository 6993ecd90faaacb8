"""Stopping and dying: nothing is lost, nothing runs twice, nothing is left running."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.repositories import Repository
from tests.support.server import Server
from tests.support.speed import here

pytestmark = pytest.mark.alone

TASKS, AGENTS, KILLS = 12, 4, 10

# Holds a lock for its task while it works. Who finds it held runs at the same time as another: written down.
AGENT = """
import fcntl, os, pathlib, sys, time
here = pathlib.Path(sys.argv[1])
task = os.environ["NARROWS_TASK"]
lock = open(here / f"{task}.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    (here / f"{task}.twice").touch()
pathlib.Path("first-half.txt").write_text(task)
print("half way", flush=True)
time.sleep(0.7)
pathlib.Path("second-half.txt").write_text(task)
print("Both halves are there.")
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"README.md": "# Project\n"})


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "agent.py").write_text(AGENT)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as server:
        yield server


def prepare(server: Server, repository: Repository, notes: Path) -> int:
    argv = [sys.executable, str(notes / "agent.py"), str(notes)]
    server.post("/api/agents", {"name": "halves", "family": "command", "argv": argv})
    project: int = server.post("/api/projects", {"path": str(repository.path), "checks": ["test -f second-half.txt"]})[
        "id"
    ]
    return project


def agents_alive(notes: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(notes / "agent.py") in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.timeout(300)
def test_killed_ten_times_it_loses_nothing_and_runs_nothing_twice(
    server: Server, repository: Repository, notes: Path, request: pytest.FixtureRequest
) -> None:
    project = prepare(server, repository, notes)
    filed = [
        server.post("/api/tasks", {"project_id": project, "title": f"Task {n}", "agent": "halves"})["id"]
        for n in range(TASKS)
    ]
    seed = random.randrange(1_000_000)
    print("seed", seed)
    moments = random.Random(seed)

    for _ in range(KILLS):
        time.sleep(moments.uniform(0.02, 1.6))  # the random moment itself
        server.kill()
        server.start()

    def all_there() -> dict[str, object] | None:
        desk: dict[str, object] = server.get("/api/desk")
        return desk if len(desk["waiting"]) == TASKS else None  # type: ignore[arg-type]

    desk = server.until(all_there)

    assert desk["working"] == 0
    assert not list(notes.glob("*.twice"))
    answers = [server.get(f"/api/tasks/{task}") for task in filed]
    assert [len(answer["changes"]) for answer in answers] == [1] * TASKS
    for answer in answers:
        change = server.get(f"/api/changes/{answer['changes'][0]['id']}")
        assert change["state"] == "in_review"
        assert [revision["number"] for revision in change["revisions"]] == [1]
        files = server.get(f"/api/changes/{change['id']}/revisions/1/files")
        assert [file["path"] for file in files] == ["first-half.txt", "second-half.txt"]
        assert [check["state"] for check in change["checks"]] == ["passed"]
    server.kill()
    assert not psutil.wait_procs(agents_alive(notes), timeout=5)[1]


def test_ctrl_c_stops_within_three_seconds_with_no_agent_left(
    server: Server, repository: Repository, notes: Path
) -> None:
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    (notes / "agent.py").write_text(stubborn)
    project = prepare(server, repository, notes)
    for n in range(3):
        server.post("/api/tasks", {"project_id": project, "title": f"Task {n}", "agent": "halves"})
    server.until(lambda: True if len(agents_alive(notes)) == 3 else None)

    began = time.monotonic()
    assert server.stop() == 0

    assert time.monotonic() - began < here(3)
    assert not agents_alive(notes)


def test_after_ctrl_c_the_next_start_goes_on_with_what_was_running(
    server: Server, repository: Repository, notes: Path
) -> None:
    project = prepare(server, repository, notes)
    task = server.post("/api/tasks", {"project_id": project, "title": "Task", "agent": "halves"})["id"]
    server.until(lambda: True if agents_alive(notes) else None)
    server.stop()

    server.start()

    desk = server.until(lambda: found if (found := server.get("/api/desk"))["next"] else None)
    assert desk["next"]["state"] == "in_review"
    assert server.get(f"/api/tasks/{task}")["runs"][0]["attempt"] == 2


def test_a_second_server_on_the_same_data_refuses_with_a_sentence(server: Server) -> None:
    argv = [sys.executable, "-m", "server.cli", "serve", "--data", str(server.data), "--no-browser"]
    second = subprocess.run(argv, capture_output=True, text=True, cwd=server.data, timeout=30, check=False)

    assert second.returncode == 1
    assert "Narrows already runs on" in second.stderr
    assert server.get("/api/desk")["waiting"] == []
