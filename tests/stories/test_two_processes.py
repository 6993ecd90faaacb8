"""Pages in one process, the engine in another, on one data folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import invariants
from tests.support.house import narrows_in
from tests.support.processes import wait_until
from tests.support.repositories import Repository
from tests.support.server import Server

# Stands still in its first try, and says that it is there.
AGENT = """
import os, pathlib, sys, time
here = pathlib.Path(sys.argv[1])
tries = here / os.environ["NARROWS_TASK"]
tries.open("a").write("x")
if tries.read_text() == "x" and (here / "slow").exists(): time.sleep(600)
pathlib.Path("said.txt").write_text("said\\n")
print("I said it.")
"""


class Worker:
    """`narrows worker` on a data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        argv = [sys.executable, "-m", "server.cli", "worker", "--data", str(self.data)]
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.data
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said.startswith("Working on"):
            self.process.communicate(timeout=30)
            raise AssertionError(said)

    def end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.communicate(timeout=30)


class World:
    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.repository = Repository.make(folder)
        self.pages = Server(folder / "data", "--no-worker").start()
        self.worker = Worker(folder / "data")
        argv = [sys.executable, "-c", AGENT, str(self.notes)]
        self.pages.post("/api/agents", {"name": "sayer", "family": "command", "argv": argv})
        self.project = self.pages.post(
            "/api/projects", {"path": str(self.repository.path), "checks": ["test -f said.txt"]}
        )["id"]

    def file(self) -> int:
        task: int = self.pages.post("/api/tasks", {"project_id": self.project, "title": "Say it", "agent": "sayer"})[
            "id"
        ]
        return task

    def tries(self, task: int) -> int:
        file = self.notes / str(task)
        return len(file.read_text()) if file.exists() else 0

    def becomes(self, change: int, state: str) -> dict[str, Any]:
        """The change in that state, once the pages' own process was told."""

        def look() -> dict[str, Any] | None:
            found = next((c for c in self.pages.get("/api/changes") if c["id"] == change), None)
            return found if found and found["state"] == state else None

        return self.pages.until(look)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    try:
        yield world
    finally:
        world.worker.end(signal.SIGINT)
        world.pages.stop()
    with narrows_in(tmp_path) as narrows:
        invariants.check(narrows)


def test_the_loop_works_and_a_worker_that_died_goes_on_at_its_next_start(world: World) -> None:
    task = world.file()
    assert "No engine is running" in world.pages.get(f"/api/tasks/{task}")["why"]
    world.worker.start()

    world.becomes(1, "in_review")
    world.pages.post("/api/changes/1/landing", {"revision": 1})
    world.becomes(1, "landed")
    assert world.repository.log() == ["Say it", "first"]
    world.pages.call("DELETE", "/api/landings/1")
    world.becomes(1, "in_review")
    assert world.repository.log() == ["first"]

    (world.notes / "slow").touch()
    slow = world.file()
    wait_until(lambda: world.tries(slow) == 1 or None, "the agent did not begin", 30)
    world.worker.end(signal.SIGKILL)
    world.worker.start()

    change = world.becomes(2, "in_review")
    assert (world.tries(slow), change["task_id"]) == (2, slow)
    [run] = world.pages.get(f"/api/tasks/{slow}")["runs"]
    assert (run["state"], run["attempt"]) == ("succeeded", 2)


def test_a_stop_asked_on_the_pages_reaches_the_worker(world: World) -> None:
    (world.notes / "slow").touch()
    world.worker.start()
    task = world.file()
    wait_until(lambda: world.tries(task) == 1 or None, "the agent did not begin", 30)

    [run] = world.pages.get(f"/api/tasks/{task}")["runs"]
    world.pages.call("DELETE", f"/api/runs/{run['id']}")

    assert world.becomes(1, "needs_attention")["note"] == "You stopped the run."


def test_two_engines_on_one_data_folder_are_refused(world: World) -> None:
    world.worker.start()
    with pytest.raises(AssertionError, match="An engine already works on"):
        Worker(world.worker.data).start()
