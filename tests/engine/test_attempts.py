"""Large changes and several attempts, from the task to what becomes of it, with the whole engine at work."""

from __future__ import annotations

from pathlib import Path

from server.domain.run import Reason
from server.domain.states import ChangeState, TaskState
from server.services import agents, landings, projects, runs, tasks
from tests.support.house import House
from tests.support.repositories import Repository

LONG = "".join(f"line {number} of what is said\n" for number in range(60))
SAY = ["/bin/sh", "-c", 'echo once >> said.txt; echo "I said it."']


def test_a_large_change_goes_back_to_its_agent_and_is_hidden_from_nobody(house: House, tmp_path: Path) -> None:
    project = projects.register(house.narrows, str(Repository.make(tmp_path).path), review_size=50)
    brief = f"write: long.txt\n```\n{LONG}```\n"
    change = house.waits(tasks.file(house.narrows, project_id=project.id, title="Say a lot", brief=brief, agent="demo"))
    assert change.split_offered
    assert [run.reason for run in runs.of_change(house.narrows, change.id)] == [Reason.FIRST, Reason.SPLIT]
    assert "left it whole. It says: " in change.note


def test_two_agents_try_it_and_the_one_that_lands_settles_it(house: House, tmp_path: Path) -> None:
    narrows = house.narrows
    agents.add(narrows, "sayer", "command", SAY)
    project = projects.register(narrows, str(Repository.make(tmp_path).path))
    brief = "write: said.txt\n```\ntwice\n```\n"
    task = tasks.file(narrows, project_id=project.id, title="Say it", brief=brief, agent="demo", rivals=["sayer"])

    def both() -> list[int] | None:
        found = tasks.standing(narrows, task.id).changes
        ready = [each.id for each in found if each.state is ChangeState.IN_REVIEW]
        return ready if len(ready) == 2 else None

    first, second = house.until(both)
    assert {house.change(first).agent, house.change(second).agent} == {"demo", "sayer"}
    house.landed(landings.land(narrows, first, revision=1))
    told = house.change(second)
    assert (told.state, told.note) == (ChangeState.ABANDONED, f"Another attempt, #{first}, landed.")
    assert tasks.get(narrows, task.id).state is TaskState.DONE
