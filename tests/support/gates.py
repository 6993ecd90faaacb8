"""A project whose setup, agent and checks stand still where a test wants them to."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from server.domain.change import Change
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState
from server.domain.task import Task
from server.services import agents, changes, projects, runs, tasks
from server.services.narrows import Narrows
from tests.support.house import House
from tests.support.processes import wait_until
from tests.support.repositories import Repository

MOMENTS = ("setup", "agent", "checks")
AGENT = """
import os, pathlib, signal, sys
if pathlib.Path(sys.argv[1]).is_fifo():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path("half.txt").write_text("half\\n")
    open(sys.argv[1]).read()
pathlib.Path("said.txt").write_text("said\\n")
print("I said it.")
"""


class Shop:
    """A project whose setup, agent and checks wait, each where there is a gate."""

    def __init__(self, narrows: Narrows, folder: Path) -> None:
        self.narrows, self.folder = narrows, folder
        self.repository = Repository.make(folder)
        self.agent = f"sayer-{len(projects.every(narrows))}"
        agents.add(narrows, self.agent, "command", [sys.executable, "-c", AGENT, str(self.gate("agent"))])
        self.project: Project = projects.register(
            narrows, str(self.repository.path), setup=self.waits("setup"), checks=[self.waits("checks")]
        )

    def gate(self, moment: str) -> Path:
        return self.folder / moment

    def waits(self, moment: str) -> str:
        gate = shlex.quote(str(self.gate(moment)))
        return f"if test -p {gate}; then cat {gate}; fi"

    def file(self) -> Task:
        return tasks.file(self.narrows, project_id=self.project.id, title="Say it", agent=self.agent)

    def reach(self, moment: str) -> tuple[Change, Run]:
        """A new task's change and run, once the run is at that moment; it stays there."""
        gate = self.gate(moment)
        os.mkfifo(gate)
        task = self.file()
        descriptor = os.open(gate, os.O_WRONLY)  # waits for the reader
        self.hold(descriptor)
        gate.unlink()
        [change] = tasks.standing(self.narrows, task.id).changes
        return change, runs.of_change(self.narrows, change.id)[-1]

    def hold(self, descriptor: int) -> None:
        self.held = descriptor

    def let_go(self) -> None:
        os.close(self.held)


def settled(house: House, change: Change) -> Change:
    """The change, once the person can do something with it and its worker is done with its worktree."""

    def look() -> Change | None:
        found = changes.get(house.narrows, change.id)
        at_work = [run for run in runs.of_change(house.narrows, change.id) if not run.over]
        return None if at_work or found.state is ChangeState.WORKING else found

    found = house.until(look)
    if found.state is ChangeState.ABANDONED:  # nobody is told when the worktree is given back
        found = wait_until(lambda: None if (seen := look()) and seen.slot else seen, "its worktree is not given back")
    return found
