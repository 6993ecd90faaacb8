"""Agents that do not want to end: gone with all that they started, soon after a stop, and after the server's death."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.engine import leftovers, processes
from tests.support import invariants
from tests.support.house import narrows_in
from tests.support.processes import carrying, wait_until
from tests.support.repositories import Repository
from tests.support.server import Server
from tests.support.speed import here

pytestmark = pytest.mark.alone

GONE_WITHIN = 5.0  # seconds

HEAD = """
import os, pathlib, signal, sys, time
def ready(): pathlib.Path(sys.argv[1], os.environ["NARROWS_TASK"]).touch()
def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
def stay():
    while True: time.sleep(600)
"""
WRITTEN = 3200  # times 64 kB
UNRULY = {
    "ignores TERM": ("command", "deaf(); ready(); stay()"),
    "daemonizes twice": (
        "command",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid(); deaf(); ready(); stay()
    os._exit(0)
os.wait(); stay()
""",
    ),
    "forks a storm": (
        "command",
        """
deaf()
for _ in range(40):
    if os.fork() == 0:
        os.setsid(); os.fork()
        while True:
            if os.fork() == 0: time.sleep(0.01); os._exit(0)
            os.wait()
ready(); stay()
""",
    ),
    "writes without end": (
        "command",
        f"""
line = b'x' * 65535 + b'\\n'
for _ in range({WRITTEN}): os.write(1, line)
ready()
while True: os.write(1, line)
""",
    ),
    "closes its output": ("command", "os.close(1); os.close(2); deaf(); ready(); stay()"),
    "reads nothing, as an ACP agent": ("acp", "deaf(); ready(); stay()"),
    "answers nothing, as an ACP agent": ("acp", "deaf(); ready()\nwhile True: os.read(0, 65536)"),
    "never cancels, as an ACP agent": (
        "acp",
        """
import json
deaf()
for line in sys.stdin:
    asked = json.loads(line)
    answer = {"initialize": {"protocolVersion": 1}, "session/new": {"sessionId": "s"}}.get(asked.get("method"))
    if answer: print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}), flush=True)
    if asked.get("method") == "session/prompt": ready()
stay()
""",
    ),
}
LEAVES = {
    "a child that holds its output": "if os.fork() == 0: deaf(); stay()",
    "children in sessions of their own": "\nfor _ in range(3):\n    if os.fork() == 0: os.setsid(); deaf(); stay()\n",
    "a child that writes on": "if os.fork() == 0:\n    while True: os.write(1, b'still here\\n'); time.sleep(0.01)",
}


class Shop:
    """A server, a project, and agents by their code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository.make(folder)
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.server = Server(folder / "data", env={"NARROWS_AGENTS": "8", "NARROWS_BUDGET": "0"}).start()
        self.project = self.server.post(
            "/api/projects", {"path": str(self.repository.path), "checks": [], "agents_limit": 8}
        )["id"]

    def file(self, name: str, family: str, code: str) -> int:
        """A task for a new agent; its number."""
        script = self.notes / f"{name.replace(' ', '-')}.py"
        script.write_text(HEAD + code)
        agent = name.lower().replace(" ", "-").replace(",", "")
        argv = [sys.executable, str(script), str(self.notes)]
        self.server.post("/api/agents", {"name": agent, "family": family, "argv": argv})
        task: int = self.server.post("/api/tasks", {"project_id": self.project, "title": name, "agent": agent})["id"]
        return task

    def ready(self, task: int) -> dict[str, Any]:
        """The task's run, once its agent has done its worst."""
        wait_until(lambda: (self.notes / str(task)).exists() or None, f"task {task} did not begin", 60)
        run: dict[str, Any] = self.server.get(f"/api/tasks/{task}")["runs"][-1]
        return run

    def alive(self, run: int) -> list[int]:
        return carrying(f"{leftovers.MARKER}={processes.mark(self.server.data / 'runs' / str(run))}")

    def gone(self, run: int) -> float:
        """Seconds until none of the run's processes is left."""
        began = time.monotonic()
        wait_until(lambda: not self.alive(run), f"processes are left: {self.alive(run)}", GONE_WITHIN + 5)
        return time.monotonic() - began

    def becomes(self, task: int, state: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.server.get(f"/api/changes/{change}")
            return found if found["state"] == state else None

        change = self.server.get(f"/api/tasks/{task}")["changes"][0]["id"]
        return self.server.until(look)


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    shop = Shop(folder)
    try:
        yield shop
    finally:
        shop.server.stop()
    with narrows_in(folder) as narrows:
        invariants.check(narrows)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("unruly")) as shop:
        yield shop


@pytest.fixture
def other_shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as shop:
        yield shop


@pytest.mark.parametrize("name", UNRULY)
def test_it_is_gone_within_five_seconds_of_a_stop(shop: Shop, name: str) -> None:
    task = shop.file(name, *UNRULY[name])
    run = shop.ready(task)
    crowd = len(shop.alive(run["id"]))
    assert crowd

    began = time.monotonic()
    shop.server.call("DELETE", f"/api/runs/{run['id']}")
    shop.gone(run["id"])
    seconds = time.monotonic() - began

    print(f"{name}: {crowd} processes gone {seconds:.2f} s after the stop")
    assert seconds < here(GONE_WITHIN)
    assert shop.becomes(task, "needs_attention")["note"].startswith("You stopped the run.")
    assert shop.server.get(f"/api/runs/{run['id']}")["state"] == "stopped"
    assert sum(file.stat().st_size for file in (shop.server.data / "runs").rglob("*.log")) < 50_000_000


@pytest.mark.parametrize("name", LEAVES)
def test_what_it_leaves_behind_at_its_own_end_is_gone_and_its_work_arrives(shop: Shop, name: str) -> None:
    work = "pathlib.Path('said.txt').write_text('said\\n'); print('I said it.', flush=True)\n"
    task = shop.file(f"leaves {name}", "command", f"ready(); {work}{LEAVES[name]}")

    run = shop.ready(task)

    change = shop.becomes(task, "in_review")
    assert shop.gone(run["id"]) < here(GONE_WITHIN)
    assert change["revisions"][0]["files"] == 1
    assert shop.server.get(f"/api/runs/{run['id']}")["state"] == "succeeded"


def test_all_of_them_are_gone_when_the_server_is_killed_and_carried_on_once(other_shop: Shop) -> None:
    shop = other_shop
    # Beside a storm of processes hardly anything else gets to run: 200 MB would take minutes to be read.
    sober = {name: (family, code.replace(f"({WRITTEN})", "(64)")) for name, (family, code) in UNRULY.items()}
    tasks = [shop.file(name, *sober[name]) for name in sober]
    runs = [shop.ready(task)["id"] for task in tasks]

    began = time.monotonic()
    shop.server.kill()
    for run in runs:
        shop.gone(run)
    seconds = time.monotonic() - began

    print(f"all gone {seconds:.2f} s after kill -9 of the server")
    assert seconds < here(GONE_WITHIN)
    for note in shop.notes.glob("[0-9]*"):
        note.unlink()
    shop.server.start()
    for task, run in zip(tasks, runs, strict=True):
        assert shop.ready(task)["id"] == run
        shop.server.call("DELETE", f"/api/runs/{run}")
    for task in tasks:
        shop.becomes(task, "needs_attention")
