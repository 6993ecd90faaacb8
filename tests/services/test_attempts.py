"""Several attempts at one task: as facts, as a difference, and what becomes of the others when one lands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from server.domain.change import Change
from server.domain.errors import Invalid, NotFound, WrongState
from server.domain.event import Actor
from server.domain.run import Reason
from server.domain.states import ChangeState, LandingState, TaskState
from server.domain.task import Task
from server.services import (
    admission,
    agents,
    attempts,
    changes,
    comparisons,
    events,
    landings,
    parts,
    reviews,
    tasks,
    trash,
)
from tests.services.workshop import Workshop


@dataclass(frozen=True)
class Rivals:
    """Puts attempts at one task on the desk, as agents leave them."""

    workshop: Workshop
    task: Task

    def attempt(
        self, files: Mapping[str, str | bytes | None], agent: str = "other", report: str | None = None
    ) -> Change:
        begun = tasks.standing(self.workshop.narrows, self.task.id).changes
        if begun:
            with self.workshop.narrows.transaction() as db:
                change = Change(task_id=self.task.id, project_id=self.task.project_id, agent=agent)
                events.record(db, Actor.ENGINE, "began", change)
                admission.follow(db, change, Reason.FIRST, "Try it.")
        [run] = self.workshop.admit()
        return self.workshop.finish(run, files, report=report)


@pytest.fixture
def rivals(workshop: Workshop) -> Rivals:
    return Rivals(workshop, workshop.file())


def test_each_further_agent_is_asked_once_and_must_be_there(workshop: Workshop) -> None:
    agents.add(workshop.narrows, "mine", "command", ["true"])
    task = workshop.file(agent="demo", rivals=["mine", "demo", "mine"])
    assert (task.rivals, task.agents) == (["mine"], ["demo", "mine"])
    said: dict[str, Any] = {
        "title": "Say it",
        "brief": "",
        "examples": "",
        "done_when": "",
        "kind": "directed",
        "priority": 0,
    }
    assert tasks.revise(workshop.narrows, task.id, agent="mine", rivals=["mine"], **said).rivals == []
    with pytest.raises(NotFound, match="nobody"):
        workshop.file(rivals=["nobody"])
    with pytest.raises(Invalid, match="At most"):
        workshop.file(rivals=[f"agent-{number}" for number in range(9)])


def test_attempts_stand_side_by_side_as_facts(rivals: Rivals) -> None:
    narrows = rivals.workshop.narrows
    one = rivals.attempt({"said.txt": "one\n"})
    assert attempts.beside(narrows, one) == []
    two = rivals.attempt({"said.txt": "two\n", "more.txt": "more\n"})
    assert [each.id for each in attempts.beside(narrows, two)] == [one.id, two.id]
    found = attempts.of_task(narrows, rivals.task.id)
    assert [(each.change.agent, each.revision and each.revision.files) for each in found.every] == [
        ("demo", 1),
        ("other", 2),
    ]
    assert all(len(each.checks) == 1 and each.seconds > 0 for each in found.every)
    assert [(a.change.id, b.change.id) for a, b in found.comparable] == [(one.id, two.id)]


def test_what_two_attempts_did_differs_by_their_trees_on_one_base(rivals: Rivals) -> None:
    workshop = rivals.workshop
    one = rivals.attempt({"said.txt": "one\n", "same.txt": "the same\n"})
    workshop.land(workshop.change({"between.txt": "landed in between\n"}))
    two = rivals.attempt({"said.txt": "two\n", "same.txt": "the same\n"})
    _, left, right, compared = attempts.compare(workshop.narrows, rivals.task.id, one.id, two.id)
    assert (left.change.id, right.change.id) == (one.id, two.id)
    assert [row.path for row in comparisons.outline(workshop.narrows, compared)] == ["said.txt"]
    assert b"-one\n+two\n" in comparisons.patch(workshop.narrows, compared)


def test_what_is_no_attempt_or_has_no_code_is_not_compared(rivals: Rivals) -> None:
    workshop = rivals.workshop
    one = rivals.attempt({"said.txt": "one\n"})
    nothing = rivals.attempt({})
    with pytest.raises(WrongState, match="no code"):
        attempts.compare(workshop.narrows, rivals.task.id, one.id, nothing.id)
    for other in (one.id, 99):
        with pytest.raises(NotFound):
            attempts.compare(workshop.narrows, rivals.task.id, one.id, other)


def test_landing_one_abandons_the_others_and_they_can_be_restored(rivals: Rivals) -> None:
    workshop, narrows = rivals.workshop, rivals.workshop.narrows
    one, two = rivals.attempt({"said.txt": "one\n"}), rivals.attempt({"said.txt": "two\n"})
    third = rivals.attempt({})
    workshop.land(one)
    assert tasks.get(narrows, rivals.task.id).state is TaskState.DONE
    for other in (two, third):
        told = workshop.get(other)
        assert (told.state, told.note) == (ChangeState.ABANDONED, f"Another attempt, #{one.id}, landed.")
    assert {item.row.change_id for item in trash.every(narrows)} >= {two.id, third.id}
    assert [each.id for each in attempts.left_behind(attempts.beside(narrows, one), one)] == [two.id, third.id]
    assert changes.restore(narrows, two.id).state is ChangeState.IN_REVIEW
    assert [each.id for each in attempts.left_behind(attempts.beside(narrows, one), one)] == [third.id]


def test_an_attempt_that_is_at_work_is_stopped(rivals: Rivals) -> None:
    workshop, narrows = rivals.workshop, rivals.workshop.narrows
    one = rivals.attempt({"said.txt": "one\n"})
    two = rivals.attempt({"said.txt": "two\n"})
    run = reviews.request_changes(narrows, two.id, revision=1, message="Louder.")
    workshop.admit()
    workshop.land(one)
    assert workshop.get(two).state is ChangeState.ABANDONED
    assert next(each for each in tasks.standing(narrows, rivals.task.id).runs if each.id == run.id).stop_asked


def test_an_attempt_in_the_line_leaves_it(rivals: Rivals) -> None:
    workshop, narrows = rivals.workshop, rivals.workshop.narrows
    one, two = rivals.attempt({"said.txt": "one\n"}), rivals.attempt({"more.txt": "two\n"})
    first = landings.land(narrows, one.id, revision=1)
    behind = landings.land(narrows, two.id, revision=1)
    workshop.claim()
    workshop.prove(first)
    assert landings.move(narrows, first.id)
    assert landings.get(narrows, behind.id).state is LandingState.CANCELLED
    assert workshop.get(two).state is ChangeState.ABANDONED


def test_undoing_it_leaves_them_abandoned_and_the_task_open(rivals: Rivals) -> None:
    workshop, narrows = rivals.workshop, rivals.workshop.narrows
    one, two = rivals.attempt({"said.txt": "one\n"}), rivals.attempt({"said.txt": "two\n"})
    workshop.undo(workshop.land(one))
    assert workshop.get(one).state is ChangeState.IN_REVIEW
    assert workshop.get(two).state is ChangeState.ABANDONED
    assert tasks.get(narrows, rivals.task.id).state is TaskState.OPEN
    assert [each.id for each in attempts.left_behind(attempts.beside(narrows, one), one)] == [two.id]


def test_a_part_that_lands_abandons_nobody_before_the_rest_has(rivals: Rivals) -> None:
    workshop, narrows = rivals.workshop, rivals.workshop.narrows
    one = rivals.attempt({"said.txt": "one\n", "more.txt": "more\n"})
    two = rivals.attempt({"said.txt": "two\n"})
    split = parts.split(narrows, one.id, revision=1, chosen={"more.txt": None}, rest="keep")
    workshop.land(split.part)
    assert workshop.get(two).state is ChangeState.IN_REVIEW
    assert [each.id for each in attempts.beside(narrows, one)] == [one.id, two.id]
    workshop.land(workshop.get(one))
    assert workshop.get(two).state is ChangeState.ABANDONED


def test_a_report_that_is_accepted_abandons_the_others(workshop: Workshop) -> None:
    rivals = Rivals(workshop, workshop.file(kind="research"))
    one, two = rivals.attempt({}, report="# This"), rivals.attempt({}, report="# That")
    reviews.accept(workshop.narrows, one.id, revision=1)
    told = workshop.get(two)
    assert (told.state, told.note) == (ChangeState.ABANDONED, f"Another attempt, #{one.id}, was accepted.")


def test_where_a_task_stands_is_where_the_attempt_does_that_waits_for_you(rivals: Rivals) -> None:
    workshop = rivals.workshop
    rivals.attempt({"said.txt": "one\n"})
    two = rivals.attempt({"said.txt": "two\n"})
    reviews.request_changes(workshop.narrows, two.id, revision=1, message="Louder.")
    assert tasks.standing(workshop.narrows, rivals.task.id).shown == "yours"
