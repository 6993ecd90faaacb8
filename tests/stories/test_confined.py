"""A project whose agents are confined: they do their work, and reach nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

import pytest

from server.services import agents, projects, revisions, runs, tasks
from tests.support.house import House, house_in
from tests.support.repositories import Repository

REACH_OUT = """
import os, pathlib, socket, subprocess, sys
outside, secret, port = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
reached = []
def attempt(name, deed):
    try: deed()
    except OSError: return
    reached.append(name)
attempt("wrote outside", lambda: outside.write_text("stolen"))
attempt("read the key", lambda: secret.read_text())
attempt("connected out", lambda: socket.create_connection(("127.0.0.1", port), 3))
pathlib.Path("committed.txt").write_text("mine\\n")
subprocess.run("git add -A && git commit -qm mine", shell=True, check=True)
pathlib.Path("reached.txt").write_text("\\n".join(reached) + "\\n")
"""


@dataclass
class Scene:
    house: House
    project: int
    outside: Path

    def plays(self) -> tuple[list[str], str]:
        """What the agent could reach, and what its run says confined it."""
        narrows = self.house.narrows
        task = tasks.file(narrows, project_id=self.project, title="Reach out", agent="reacher")
        change = self.house.waits(task)
        [revision] = revisions.of_change(narrows, change.id)
        assert revisions.whole_file(narrows, revision, "committed.txt", old=False) == b"mine\n"
        reached = revisions.whole_file(narrows, revision, "reached.txt", old=False)
        assert reached is not None
        [run] = runs.of_change(narrows, change.id)
        assert ("stolen" in self.outside.read_text()) == (b"wrote outside" in reached)
        return reached.decode().split("\n")[:-1], run.confined_by


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    home = tmp_path / "person"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id").write_text("PRIVATE\n")
    (home / "outside.txt").write_text("untouched")
    monkeypatch.setenv("HOME", str(home))
    repository = Repository.make(tmp_path, files={"README.md": "# Project\n"})
    with create_server(("127.0.0.1", 0)) as listening, house_in(tmp_path / "data") as house:
        words = [str(home / "outside.txt"), str(home / ".ssh/id"), str(listening.getsockname()[1])]
        agents.add(house.narrows, "reacher", "command", [sys.executable, "-I", "-c", REACH_OUT, *words])
        project = projects.register(house.narrows, str(repository.path))
        yield Scene(house, project.id, home / "outside.txt")


def test_a_confined_agent_reaches_nothing_and_its_work_is_collected(scene: Scene) -> None:
    projects.configure(scene.house.narrows, scene.project, sandbox=True, sandbox_network=False)
    assert scene.plays() == ([""], "bubblewrap, without network")


def test_the_network_is_a_choice(scene: Scene) -> None:
    projects.configure(scene.house.narrows, scene.project, sandbox=True)
    assert scene.plays() == (["connected out"], "bubblewrap")


def test_without_a_sandbox_it_reaches_all_and_the_run_says_that_nothing_confined_it(scene: Scene) -> None:
    assert scene.plays() == (["wrote outside", "read the key", "connected out"], "")
