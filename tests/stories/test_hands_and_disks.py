"""Somebody removes by hand what Narrows keeps, or the disk is full: a sentence with the next step, and nothing lost."""

from __future__ import annotations

import errno
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.errors import NarrowsError
from server.domain.project import Project
from server.domain.states import ChangeState
from server.git import worktrees
from server.services import agents, changes, landings, projects, reviews, revisions, runs, tasks
from tests.support import invariants
from tests.support.house import House, house_in, narrows_in
from tests.support.processes import wait_until
from tests.support.repositories import Repository
from tests.support.server import Server

SAY = ["/bin/sh", "-c", "echo said >> said.txt; echo I said it."]
SLOW = """
import pathlib, sys, time
gate = pathlib.Path(sys.argv[1])
(gate / "begun").touch()
while not (gate / "go").exists(): time.sleep(0.01)
pathlib.Path("said.txt").write_text("said\\n" * 30_000)
print("I said it.")
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(tmp_path_factory.mktemp("hands"), budget=0) as house:
        agents.add(house.narrows, "sayer", "command", SAY)
        yield house


@pytest.fixture
def project(house: House, tmp_path: Path) -> Project:
    repository = Repository.make(tmp_path)
    return projects.register(house.narrows, str(repository.path), name=tmp_path.name, checks=["true"])


def settled(house: House, change_id: int) -> Change:
    def look() -> Change | None:
        found = changes.get(house.narrows, change_id)
        return None if found.state is ChangeState.WORKING else found

    return house.until(look)


def carried_out(house: House, project: Project, title: str = "Say it") -> Change:
    """A new task's change, at its run's end."""
    task = tasks.file(house.narrows, project_id=project.id, title=title, agent="sayer")
    house.until(lambda: house.change_of(task))
    [change] = tasks.standing(house.narrows, task.id).changes
    return settled(house, change.id)


def test_a_worktree_removed_by_hand_is_made_again_as_it_was_read(house: House, project: Project) -> None:
    change = carried_out(house, project)
    shutil.rmtree(house.narrows.settings.worktrees / str(project.id))

    reviews.request_changes(house.narrows, change.id, revision=1, message="Once more.")

    assert settled(house, change.id).state is ChangeState.IN_REVIEW
    second = revisions.get(house.narrows, change.id, 2)
    assert revisions.whole_file(house.narrows, second, "said.txt", old=False) == b"said\nsaid\n"


def test_a_mirror_removed_by_hand_is_made_again_and_what_only_it_had_is_said_to_be_gone(
    house: House, project: Project, tmp_path: Path
) -> None:
    lost = carried_out(house, project, "Say it first")
    house.narrows.mirror(project.id).rename(tmp_path / "removed")  # at once: a forecast may be writing there

    assert carried_out(house, project).state is ChangeState.IN_REVIEW
    with pytest.raises(NarrowsError, match=r"is no longer in .* Abandon the change, and open its task again"):
        landings.land(house.narrows, lost.id, revision=1)


def test_a_worktree_that_cant_be_cleared_is_named_and_the_next_try_goes_on(
    house: House, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes.abandon(house.narrows, carried_out(house, project).id)

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(worktrees, "erase", refuse)
        change = carried_out(house, project)
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert "can't be made anew: Operation not permitted" in change.note
    assert "Remove that folder by hand, then try again." in change.note

    runs.retry(house.narrows, change.id)
    assert settled(house, change.id).state is ChangeState.IN_REVIEW


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path)
    gate = tmp_path / "gate"
    gate.mkdir()
    with Server(tmp_path / "data") as server:
        argv = [sys.executable, "-c", SLOW, str(gate)]
        server.post("/api/agents", {"name": "slow", "family": "command", "argv": argv})
        project = server.post("/api/projects", {"path": str(repository.path), "checks": []})["id"]
        server.post("/api/tasks", {"project_id": project, "title": "Say it", "agent": "slow"})
        wait_until((gate / "begun").exists, "the agent did not begin")

        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (50_000, hard))
        (gate / "go").touch()
        log = server.data / "logs" / "narrows.log"
        wait_until(lambda: " failed" in log.read_text(), "nothing failed", 30)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))

        def look() -> dict[str, str] | None:
            found: dict[str, str] = server.get("/api/changes/1")
            return found if found["state"] != "working" else None

        change = wait_until(look, "the change stands still", 30)
        if change["state"] == "needs_attention":
            # SQLite takes a limit on the size of files for a full disk or for one that fails, by where it meets it.
            assert "Free some space" in change["note"] or "See to it, then try again" in change["note"]
            server.post("/api/changes/1/retries")
            change = wait_until(look, "the change stands still", 30)
        assert change["state"] == "in_review", change
        assert [file["additions"] for file in server.get("/api/changes/1/revisions/1/files")] == [30_000]
    with narrows_in(tmp_path) as narrows:
        invariants.check(narrows)
