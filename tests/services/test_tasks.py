"""Filing tasks, linking them, and the one sentence about where each stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from server.domain.base import now
from server.domain.errors import Invalid, NotFound, WrongState
from server.domain.project import Project
from server.domain.run import SILENT_AFTER, Executor
from server.domain.states import ChangeState, RunState, TaskState
from server.domain.task import Kind
from server.services import agents, changes, projects, reviews, runs, tasks
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop

WANTED: dict[str, Any] = {
    "title": "Say it",
    "brief": "b",
    "examples": "e",
    "done_when": "d",
    "kind": "directed",
    "agent": "demo",
    "priority": 0,
}


def test_a_title_is_one_line(workshop: Workshop) -> None:
    task = workshop.file("  Say \n  it\t loudly ", brief="  as typed \n")
    assert (task.title, task.brief, task.kind, task.state) == (
        "Say it loudly",
        "  as typed \n",
        Kind.DIRECTED,
        TaskState.OPEN,
    )


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"title": " \n "}, "title", "A task needs a title"),
        ({"title": "x" * 201}, "title", "at most 200 characters"),
        ({"examples": "x" * (tasks.LONGEST_TEXT + 1)}, "examples", "more than 1,000,000 characters"),
        ({"kind": "chore"}, "kind", "'chore' is no kind of task"),
        ({"after": [99]}, "after", "There is no task 99"),
        ({"after": [-1]}, "after", "There is no task -1"),
        ({"after": [2**80]}, "after", "There is no task"),
    ],
)
def test_a_field_that_cant_be_used_is_named(
    workshop: Workshop, fields: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence) as refused:
        workshop.file(**{"title": "Say it", **fields})  # type: ignore[arg-type]
    assert refused.value.field == field
    assert tasks.every(workshop.narrows) == []


def test_an_agent_or_a_project_that_is_not_there_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(NotFound, match="No agent is called 'nobody'"):
        workshop.file(agent="nobody")
    with pytest.raises(NotFound, match="There is no project 99"):
        tasks.file(workshop.narrows, project_id=99, title="Say it")


def test_a_task_without_an_agent_goes_to_the_projects_last(workshop: Workshop) -> None:
    agents.add(workshop.narrows, "mine", "command", ["true"])
    assert workshop.file().agent == "demo"
    workshop.file(agent="mine")
    assert workshop.file().agent == "mine"


def test_a_narrows_without_any_agent_says_so(workshop: Workshop) -> None:
    with pytest.raises(NotFound, match="No agent is called ''"):
        tasks.file(replace(workshop.narrows, built_in=()), project_id=workshop.project.id, title="Say it")


def test_a_task_is_said_better_until_an_agent_starts(workshop: Workshop) -> None:
    narrows = workshop.narrows
    before, task = workshop.file("before"), workshop.file("Say it", after=[])
    wanted = {**WANTED, "title": "Say  more", "kind": "refactoring", "priority": 2}
    revised = tasks.revise(narrows, task.id, **wanted, after=[before.id])
    assert (revised.title, revised.kind, revised.priority) == ("Say more", Kind.REFACTORING, 2)
    assert (revised.brief, revised.examples, revised.done_when) == ("b", "e", "d")
    assert [each.id for each in tasks.standing(narrows, task.id).after] == [before.id]
    tasks.revise(narrows, task.id, **wanted)
    assert tasks.standing(narrows, task.id).after == []

    workshop.admit()
    with pytest.raises(WrongState, match="An agent has started on this task"):
        tasks.revise(narrows, task.id, **WANTED)


def test_tasks_never_wait_for_each_other_in_a_circle(workshop: Workshop) -> None:
    narrows = workshop.narrows
    a = workshop.file("a")
    b = workshop.file("b", after=[a.id])
    c = workshop.file("c", after=[b.id, a.id, b.id])

    def put_after(task_id: int, *after: int) -> None:
        tasks.revise(narrows, task_id, **WANTED, after=after)

    for circle in (a.id, b.id, c.id):
        with pytest.raises(Invalid, match=f"Task {circle} itself waits for this one"):
            put_after(a.id, circle)
    assert tasks.get(narrows, a.id).title == "a", "nothing was changed"
    put_after(c.id, a.id)


def test_a_dropped_task_leaves_the_backlog_and_can_come_back(workshop: Workshop) -> None:
    narrows = workshop.narrows
    task = workshop.file()
    assert tasks.drop(narrows, task.id).state is TaskState.DROPPED
    assert tasks.backlog(narrows) == []
    with pytest.raises(WrongState, match=r"is dropped"):
        tasks.drop(narrows, task.id)
    assert tasks.reopen(narrows, task.id).state is TaskState.OPEN
    with pytest.raises(WrongState, match="is open"):
        tasks.reopen(narrows, task.id)
    assert [standing.task.id for standing in tasks.backlog(narrows)] == [task.id]


def test_a_task_at_work_is_dropped_by_abandoning_its_change(workshop: Workshop) -> None:
    change = workshop.change()
    with pytest.raises(WrongState, match="change for this task is under way") as refused:
        tasks.drop(workshop.narrows, change.task_id)
    assert "Abandon the change" in refused.value.hint
    changes.abandon(workshop.narrows, change.id)
    tasks.reopen(workshop.narrows, change.task_id)
    assert tasks.drop(workshop.narrows, change.task_id).state is TaskState.DROPPED


def test_a_task_that_is_done_is_not_dropped(workshop: Workshop) -> None:
    change = workshop.change()
    workshop.land(change)
    with pytest.raises(WrongState, match="is done"):
        tasks.drop(workshop.narrows, change.task_id)


def where(narrows: Narrows, task_id: int) -> tuple[str, str]:
    standing = tasks.standing(narrows, task_id)
    return standing.shown, standing.why


def test_a_task_says_that_no_engine_runs(workshop: Workshop) -> None:
    sentence = "No engine is running: start `narrows`, or `narrows worker`."
    task = workshop.file()
    assert where(workshop.narrows, task.id) == ("backlog", sentence)
    runs.heartbeat(workshop.narrows, ME, "here", 1)
    assert where(workshop.narrows, task.id) == ("backlog", "It is about to start.")
    with workshop.narrows.database.writing() as db:  # its engine was killed
        db.get_one(Executor, ME).heard_at = now() - SILENT_AFTER - timedelta(seconds=1)
    assert where(workshop.narrows, task.id) == ("backlog", sentence)


def test_a_task_says_whom_it_waits_for(workshop: Workshop) -> None:
    first, second = workshop.file("first"), workshop.file("second")
    third = workshop.file("third", after=[first.id, second.id])
    tasks.drop(workshop.narrows, first.id)
    assert where(workshop.narrows, third.id) == ("blocked", f"It starts after #{second.id}.")


def test_a_task_says_which_limit_is_reached(workshop: Workshop) -> None:
    narrows = replace(workshop.narrows, settings=replace(workshop.narrows.settings, agents=1))
    workshop.file("at work")
    workshop.admit()
    task = workshop.file("waits")
    assert where(narrows, task.id) == (
        "backlog",
        "The one agent that may work does; the next task starts when it ends.",
    )
    projects.configure(workshop.narrows, workshop.project.id, agents_limit=1)
    stands = "The one agent that may work in this project does; the next task starts when it ends."
    assert where(workshop.narrows, task.id) == ("backlog", stands)
    projects.configure(workshop.narrows, workshop.project.id, agents_limit=2)
    workshop.admit()
    last = workshop.file("waits, too")
    stands = "All 2 agents of this project are at work; the next task starts when one ends."
    assert where(workshop.narrows, last.id) == ("backlog", stands)


def test_a_task_is_where_its_change_is(workshop: Workshop) -> None:
    narrows = workshop.narrows
    task = workshop.file()
    [run] = workshop.admit()
    assert where(narrows, task.id) == ("agent's", "")
    change = workshop.finish(run, {}, state=RunState.FAILED, error="It broke.")
    assert where(narrows, task.id) == ("yours", "It broke.")
    again = runs.retry(narrows, change.id)
    assert where(narrows, task.id) == ("agent's", "Its follow-up waits for a free agent.")
    runs.stop(narrows, again.id)
    changes.abandon(narrows, change.id)
    assert where(narrows, task.id) == ("dropped", "")

    landed = workshop.change()
    workshop.land(landed)
    assert where(narrows, landed.task_id) == ("done", "")


def test_a_task_has_its_changes_and_runs_with_it(workshop: Workshop) -> None:
    change = workshop.change()
    run = reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder.")
    standing = tasks.standing(workshop.narrows, change.task_id)
    assert [each.id for each in standing.changes] == [change.id]
    assert [each.id for each in standing.runs][-1] == run.id
    assert standing.changes[0].state is ChangeState.WORKING


def test_lists_of_tasks(workshop: Workshop, project: Project) -> None:
    narrows = workshop.narrows
    first, second = workshop.file("first"), workshop.file("second", priority=1)
    change = workshop.change(title="third", priority=-1)
    tasks.drop(narrows, workshop.file("fourth").id)
    assert [each.task.title for each in tasks.every(narrows)] == ["fourth", "third", "second", "first"]
    assert [each.task.title for each in tasks.every(narrows, limit=1)] == ["fourth"]
    assert [each.task.title for each in tasks.every(narrows, state=TaskState.DROPPED)] == ["fourth"]
    assert tasks.every(narrows, project_id=project.id + 1) == []
    assert [task.title for task, _ in tasks.recent(narrows, 2)] == ["fourth", "third"]
    assert {each.task.id for each in tasks.every(narrows, state=TaskState.OPEN)} >= {first.id, second.id}
    assert [newest.id for task, newest in tasks.recent(narrows) if newest and task.title == "third"] == [change.id]


def test_a_page_of_tasks_asks_the_database_no_more_often_than_a_single_one(workshop: Workshop) -> None:
    narrows = workshop.narrows
    asked: list[str] = []

    def count(*call: object) -> None:
        asked.append(str(call[2]))

    def questions() -> int:
        asked.clear()
        tasks.backlog(narrows)
        tasks.every(narrows)
        return len(asked)

    workshop.file()
    event.listen(narrows.database.engine, "before_cursor_execute", count)
    one = questions()
    for n in range(30):
        workshop.file(f"Task {n}", after=[1])
    many = questions()
    event.remove(narrows.database.engine, "before_cursor_execute", count)
    assert many <= one + 2
