"""An agent leaves files of every kind and commits of its own. Whatever happens then, all of it can be had back."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.states import ChangeState
from server.domain.trash import Kept
from server.git.commands import run as git
from server.services import agents, changes, projects, restorals, revisions, runs, tasks, trash
from server.services.trash import Item
from tests.support import invariants
from tests.support.crashing import Nursery
from tests.support.house import House, house_in, narrows_in
from tests.support.repositories import Repository

FILES = {
    "README.md": b"# Changed\n",  # tracked, edited
    "staged.txt": b"staged\n",
    "untracked.bin": bytes(range(256)) * 9,
    "notes.log": b"ignored\n",
    "build/out/deep.o": b"\0ignored folder",
    "committed.txt": b"in a commit of its own\n",
    "caf\udce9.txt": b"a name of any bytes\n",
}
AGENT = f"""
import os, pathlib, subprocess, sys
for name, content in {FILES!r}.items():
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
subprocess.run(["git", "add", "committed.txt"], check=True)
subprocess.run(["git", "commit", "-q", "-m", "of its own"], check=True)
subprocess.run(["git", "add", "staged.txt"], check=True)
gate = pathlib.Path(sys.argv[1])
if gate.exists():
    open(gate).read()
print("I said it.")
"""


class World:
    """A data folder, and a repository that ignores some files; its agent waits where there is a gate."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.gate = folder, folder / "gate"
        self.repository = Repository.make(folder, files={"README.md": "# Project\n", ".gitignore": "*.log\nbuild/\n"})

    def begin(self, house: House) -> None:
        agents.add(house.narrows, "messy", "command", [sys.executable, "-c", AGENT, str(self.gate)])
        projects.register(house.narrows, str(self.repository.path))

    def file(self, house: House) -> Change:
        task = tasks.file(house.narrows, project_id=1, title="Say it", agent="messy")
        return house.until(lambda: house.change_of(task))

    def restored(self, house: House, change: Change) -> dict[str, bytes]:
        """All files that the trash gives back for a change, written to folders."""
        found: dict[str, bytes] = {}
        for item in trash.every(house.narrows):
            if item.row.change_id == change.id and item.row.commit:
                to = self.folder / f"restored-{item.row.id}"
                restorals.restore(house.narrows, item.row.id, to)
                files = (path for path in to.rglob("*") if path.is_file())
                found |= {str(path.relative_to(to)): path.read_bytes() for path in files}
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def in_trash(house: House, change: Change, kind: Kept) -> Item:
    """Waits for the row; a change's, until it was weighed."""

    def look() -> Item | None:
        found = [item for item in trash.every(house.narrows) if item.row.change_id == change.id]
        return next((item for item in found if item.row.kind is kind), None)

    return house.until(look)


def over(house: House, change: Change) -> Change:
    def look() -> Change | None:
        found = changes.get(house.narrows, change.id)
        at_work = any(not run.over for run in runs.of_change(house.narrows, change.id))
        return None if at_work or found.state is ChangeState.WORKING else found

    return house.until(look)


def check(world: World, house: House, change: Change) -> None:
    """Every byte is there, and the agent's commits are."""
    in_trash(house, change, Kept.CHANGE)
    in_trash(house, change, Kept.TREE)
    found = world.restored(house, change)
    assert {name: found.get(name) for name in FILES} == FILES
    subjects = git(house.narrows.mirror(1), "log", "--format=%s", "--glob=refs/narrows/*").text.splitlines()
    assert "of its own" in subjects


def test_an_abandoned_change(world: World) -> None:
    with house_in(world.folder, budget=0) as house:
        world.begin(house)
        change = over(house, world.file(house))
        assert change.state is ChangeState.IN_REVIEW
        changes.abandon(house.narrows, change.id)
        check(world, house, change)
        item = in_trash(house, change, Kept.CHANGE)
        restorals.restore(house.narrows, item.row.id)
        [revision] = revisions.of_change(house.narrows, change.id)
        assert revisions.whole_file(house.narrows, revision, "untracked.bin", old=False) == FILES["untracked.bin"]
    with narrows_in(world.folder) as narrows:
        invariants.check(narrows)


@pytest.mark.parametrize("by", ["stop", "abandon"])
def test_an_agent_that_is_ended_in_the_middle(world: World, by: str) -> None:
    os.mkfifo(world.gate)
    with house_in(world.folder, budget=0) as house:
        world.begin(house)
        change = world.file(house)
        held = os.open(world.gate, os.O_WRONLY)  # waits until the agent has written everything
        if by == "stop":
            runs.stop(house.narrows, runs.of_change(house.narrows, change.id)[-1].id)
            change = over(house, change)
            changes.abandon(house.narrows, change.id)
        else:
            changes.abandon(house.narrows, change.id)
        os.close(held)
        check(world, house, over(house, change))


PLACES = {
    "agent over": "server.services.revisions take before",
    "revision held": "server.git.mirrors hold after",
    "abandoned": "server.services.changes abandon after",
    "put away": "server.services.checkouts put_away before",
    "held in the trash": "server.git.salvage size before",
    "put away already": "server.services.checkouts put_away after",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_dies_as_by_kill_9(world: World, nursery: Nursery, place: str) -> None:
    with house_in(world.folder, budget=0) as house:
        world.begin(house)
        early = place in ("agent over", "revision held")
        if not early:
            change = over(house, world.file(house))
    if early:
        asked = ("server.services.tasks file", {"project_id": 1, "title": "Say it", "agent": "messy"})
        nursery.die(world.folder, PLACES[place], asked)
    else:
        nursery.die(world.folder, PLACES[place], ("server.services.changes abandon", {"change_id": change.id}))
    with house_in(world.folder, budget=0) as house:
        if early:
            change = over(house, changes.get(house.narrows, 1))
            changes.abandon(house.narrows, change.id)
        check(world, house, change)
        assert len([item for item in trash.every(house.narrows) if item.row.kind is Kept.TREE]) <= 2
    with narrows_in(world.folder) as narrows:
        invariants.check(narrows)


def test_a_worktree_that_the_next_change_gets(world: World) -> None:
    with house_in(world.folder, budget=0) as house:
        world.begin(house)
        first = over(house, world.file(house))
        changes.abandon(house.narrows, first.id)
        second = over(house, world.file(house))
        check(world, house, first)
        assert second.slot == 1, "it is the same worktree"
        tree = house.narrows.tree(1, 1)
        assert (tree / "untracked.bin").read_bytes() == FILES["untracked.bin"], "the second agent's own"
