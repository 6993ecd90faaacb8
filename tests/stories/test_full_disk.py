"""A real disk runs full, at every level, in the middle of anything: a sentence, and nothing damaged or half landed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import invariants
from tests.support.house import narrows_in
from tests.support.processes import wait_until
from tests.support.repositories import Repository, environment
from tests.support.server import Server
from tests.support.small_disk import SmallDisk

KB = 1024
LEVELS = (0, 8 * KB, 64 * KB, 400 * KB, 900 * KB)  # what is left for a change of 300 kB
AGENT = """
import os, pathlib, sys
gate = pathlib.Path(sys.argv[1])
(gate / "begun").touch()
open(gate / "go").read()
pathlib.Path(f"said-{os.environ['NARROWS_TASK']}.bin").write_bytes(os.urandom(300_000))
print("I said it.")
"""
STILL = ("in_review", "needs_attention")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk", megabytes=64) as disk:
        yield disk


class Desk:
    """A server whose data, and whose user's repository, are on the small disk."""

    def __init__(self, disk: SmallDisk, tmp_path: Path, free_mb: int = 0) -> None:
        self.disk, self.gate, self.home = disk, tmp_path / "gate", tmp_path / "home-of-git"
        self.gate.mkdir()
        made = Repository.make(tmp_path)
        self.path = disk.folder / "repository"
        self.repository = disk.seen(self.path)
        subprocess.run(["cp", "-a", made.path, self.repository], check=True)
        # No browser's caches and no pip's: only Narrows writes there.
        settings = {"NARROWS_FREE_MB": str(free_mb), "TMPDIR": str(disk.folder)}
        self.server = Server(disk.folder / "data", env=settings, prefix=disk.prefix)

    def __enter__(self) -> Desk:
        self.server.start()
        try:
            self._begin()
        except BaseException:
            self.server.__exit__()
            raise
        return self

    def _begin(self) -> None:
        argv = [sys.executable, "-c", AGENT, str(self.gate)]
        self.server.post("/api/agents", {"name": "slow", "family": "command", "argv": argv})
        self.server.post("/api/projects", {"path": str(self.path), "checks": ["true"]})

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def file(self) -> int:
        return int(self.server.post("/api/tasks", {"project_id": 1, "title": "Say it", "agent": "slow"})["id"])

    def at_work(self) -> Path:
        """The gate of an agent that is at work and waits."""
        go = self.gate / "go"
        go.unlink(missing_ok=True)
        (self.gate / "begun").unlink(missing_ok=True)
        os.mkfifo(go)
        self.file()
        wait_until((self.gate / "begun").exists, "no agent began", 30)
        return go

    def settled(self, change: int, states: tuple[str, ...] = STILL) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            known = [each["id"] for each in self.server.get("/api/changes")]
            found: dict[str, Any] = self.server.get(f"/api/changes/{change}") if change in known else {}
            return found if found.get("state") in states else None

        return wait_until(look, "the change stands still", 60)

    def git(self, *words: str) -> str:
        command = [*self.disk.prefix, "git", "-C", str(self.path), *words]
        told = subprocess.run(command, capture_output=True, text=True, env=environment(self.home))
        assert told.returncode == 0, told.stderr
        return told.stdout


def let(go: Path) -> None:
    """Once its reader is there; then the agent goes on, and so does every later one."""
    with go.open("w"):
        pass
    go.unlink()
    go.touch()


def test_at_every_level_a_change_is_whole_or_can_be_tried_again(disk: SmallDisk, tmp_path: Path) -> None:
    with Desk(disk, tmp_path) as desk:
        for change, level in enumerate(LEVELS, 1):
            go = desk.at_work()
            disk.fill(leaving=level)
            let(go)
            wait_until(partial(over, desk, change), "its run did not end", 60)
            disk.empty()
            found = desk.settled(change)
            while found["state"] == "needs_attention":
                assert found["note"], "it says what happened"
                desk.server.post(f"/api/changes/{change}/retries")
                found = desk.settled(change)
            [file] = desk.server.get(f"/api/changes/{change}/revisions/{len(found['revisions'])}/files")
            assert file["path"] == f"said-{change}.bin"
        desk.server.stop()
        whole(desk, disk)


def over(desk: Desk, change: int) -> bool:
    """Whether the run is over, or its end can't be written down for want of room."""
    log = disk_log(desk)
    found = desk.server.get(f"/api/changes/{change}")
    return found["state"] in STILL or "is full" in log or "No space left" in log


def disk_log(desk: Desk) -> str:
    return desk.disk.seen(desk.server.data / "logs" / "narrows.log").read_text(errors="replace")


def whole(desk: Desk, disk: SmallDisk) -> None:
    """Everything agrees, and git finds nothing wrong in the user's repository or in the mirror."""
    with narrows_in(disk.seen(disk.folder)) as narrows:
        invariants.check(narrows)
    desk.git("fsck", "--full")
    assert desk.git("status", "--porcelain") == ""


def test_a_landing_on_a_full_disk_moves_nothing_or_everything(disk: SmallDisk, tmp_path: Path) -> None:
    with Desk(disk, tmp_path) as desk:
        for change, level in enumerate(LEVELS, 1):
            let(desk.at_work())
            assert desk.settled(change)["state"] == "in_review"
            before = desk.git("rev-parse", "main")
            disk.fill(leaving=level)
            assert desk.server.http is not None
            answer = desk.server.http.post(f"/api/changes/{change}/landing", json={"revision": 1})
            if answer.is_success:
                landing = answer.json()["id"]
                wait_until(partial(ended, desk, landing), "the landing did not end", 60)
            else:
                assert answer.status_code in (500, 507)
                assert answer.json()["error"]["hint"], answer.text
            state = desk.server.get(f"/api/changes/{change}")["state"]
            after = desk.git("rev-parse", "main")
            assert (after != before) == (state == "landed") or state == "landing"
            disk.empty()
            found = desk.settled(change, ("in_review", "landed"))
            if found["state"] == "in_review":
                assert desk.git("rev-parse", "main") == before
                assert desk.git("status", "--porcelain") == ""
                desk.server.post(f"/api/changes/{change}/landing", {"revision": 1})
            desk.settled(change, ("landed",))
            assert f"said-{change}.bin" in desk.git("ls-files")
        desk.server.stop()
        whole(desk, disk)


def ended(desk: Desk, landing: int) -> bool:
    try:
        found = desk.server.get(f"/api/landings/{landing}")
    except (AssertionError, httpx2.HTTPError):
        return False
    log = disk_log(desk)
    return found["state"] in ("landed", "failed") or "is full" in log or "No space left" in log


def test_nothing_new_starts_on_a_nearly_full_disk_and_all_goes_on_when_there_is_room(
    disk: SmallDisk, tmp_path: Path
) -> None:
    with Desk(disk, tmp_path, free_mb=20) as desk:
        disk.fill(leaving=10_000_000)
        task = desk.file()
        (desk.gate / "go").touch()
        told = desk.server.get("/api/status")
        assert "The disk is nearly full, so nothing new starts" in told["shortage"]
        assert "Free some space, or empty the trash: narrows trash." in told["shortage"]
        assert desk.server.http is not None
        assert "The disk is nearly full" in desk.server.http.get("/tasks").text
        assert desk.server.get(f"/api/tasks/{task}")["shown"] == "backlog"
        said = subprocess.run(
            [*disk.prefix, sys.executable, "-m", "server.cli", "status", "--data", desk.server.data],
            capture_output=True,
            text=True,
            check=True,
            env=desk.server.env,
            cwd=Path(__file__).parents[2],
        )
        assert said.stdout.startswith("The disk is nearly full")

        disk.empty()  # nothing else happens: the next heartbeat finds the room
        assert desk.settled(1)["state"] == "in_review"
        assert desk.server.get("/api/status")["shortage"] == ""
