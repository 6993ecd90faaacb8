"""A run whose worktree was never made ready leaves nothing: what stands there is another's work, or a setup's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.agents.protocol import AgentSpec
from server.domain.project import Project
from server.domain.states import ChangeState, RunState
from server.domain.trouble import Trouble
from server.engine import specs
from server.engine.engine import Engine
from server.services import agents, landings, projects, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.support.house import House
from tests.support.repositories import Repository


@pytest.fixture
def project(narrows: Narrows, repository: Repository) -> Project:
    agents.add(narrows, "sayer", "command", ["/bin/sh", "-c", "echo said > said.txt; echo Said."])
    repository.branch("target")
    return projects.register(narrows, str(repository.path), target_branch="target")


@pytest.fixture
def house(narrows: Narrows) -> Iterator[House]:
    engine, house = Engine(narrows), House(narrows)
    engine.start()
    yield house
    engine.stop()
    house.close()


def test_the_work_of_the_last_change_in_a_worktree_is_never_shown_as_that_of_the_next(
    narrows: Narrows, project: Project, house: House, repository: Repository
) -> None:
    first = house.waits(tasks.file(narrows, project_id=project.id, title="Say it", agent="sayer"))
    house.landed(landings.land(narrows, first.id, revision=1))
    repository.git("branch", "-m", "target", "renamed")
    task = tasks.file(narrows, project_id=project.id, title="Say more", agent="sayer")
    second = house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert second.note == (
        "The branch target is not in the repository any more. Create it again, or choose another target branch for "
        "the project."
    )
    assert revisions.of_change(narrows, second.id) == []


def test_a_repository_that_was_moved_is_said_and_not_what_git_says_of_it(
    narrows: Narrows, project: Project, house: House, repository: Repository, tmp_path: Path
) -> None:
    repository.path.rename(tmp_path / "elsewhere")
    task = tasks.file(narrows, project_id=project.id, title="Say it", agent="sayer")
    change = house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert change.note.startswith(f"There is no folder {repository.path}.")


def test_a_repository_that_moves_while_the_agent_is_at_work_costs_none_of_its_work(
    narrows: Narrows, project: Project, house: House, repository: Repository, tmp_path: Path
) -> None:
    move = f"mv {repository.path} {tmp_path / 'elsewhere'}; echo said > said.txt; echo Said."
    agents.add(narrows, "mover", "command", ["/bin/sh", "-c", move])
    change = house.waits(tasks.file(narrows, project_id=project.id, title="Say it", agent="mover"))
    assert [row.path for row in revisions.outline(narrows, revisions.get(narrows, change.id, 1))] == ["said.txt"]


def test_an_agent_that_is_not_on_this_machine_is_missed_by_name_with_what_to_do(
    narrows: Narrows, project: Project, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghost = AgentSpec("cursor", "acp", ("no-such-agent", "acp"), title="Ghost", install="Summon it first.")
    monkeypatch.setattr(specs, "KNOWN", (ghost,))
    task = tasks.file(narrows, project_id=project.id, title="Say it", agent="cursor")
    change = house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert change.note == "Ghost is not on this machine. Summon it first."
    [run] = runs.of_change(narrows, change.id)
    assert (run.state, run.trouble) == (RunState.FAILED, Trouble.MISSING)
    assert revisions.of_change(narrows, change.id) == []


def test_what_a_setup_made_before_it_was_stopped_is_no_work_of_the_agent(
    narrows: Narrows, project: Project, house: House, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    projects.configure(narrows, project.id, setup=f"echo made > made.txt; echo begun > {begun}; exec sleep 600")
    task = tasks.file(narrows, project_id=project.id, title="Say it", agent="sayer")
    change = house.waits(task, ChangeState.WORKING)
    [run] = runs.of_change(narrows, change.id)
    assert begun.read_text() == "begun\n"
    runs.stop(narrows, run.id)
    change = house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert change.note == "You stopped the run."
    assert runs.get(narrows, run.id).state is RunState.STOPPED
    assert revisions.of_change(narrows, change.id) == []
