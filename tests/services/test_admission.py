"""What starts, when, and never twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from server.domain.change import Revision
from server.domain.errors import WrongState
from server.domain.project import Project
from server.domain.run import Reason
from server.domain.states import RunState, TaskState
from server.domain.task import Kind, Task
from server.services import (
    admission,
    budget,
    changes,
    clocks,
    desk,
    pauses,
    preferences,
    projects,
    reviews,
    revisions,
    runs,
    tasks,
)
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop
from tests.support.repositories import Repository


def with_settings(narrows: Narrows, **wishes: int) -> Narrows:
    return replace(narrows, settings=replace(narrows.settings, **wishes))  # type: ignore[arg-type]


def titles(narrows: Narrows, executor: str = ME) -> list[str]:
    return [tasks.get(narrows, run.task_id).title for run in admission.admit(narrows, executor)]


@pytest.fixture
def other(narrows: Narrows, tmp_path: Path) -> Project:
    return projects.register(narrows, str(Repository.make(tmp_path, "other").path), agents_limit=2)


def test_nothing_starts_where_nothing_waits(narrows: Narrows, project: Project) -> None:
    assert admission.admit(narrows, ME) == []


def test_a_task_starts_as_a_change_with_a_run_a_worktree_and_a_ticket(workshop: Workshop) -> None:
    task = workshop.file("Say it", brief="Loudly.")
    [run] = admission.admit(workshop.narrows, ME)
    assert (run.task_id, run.reason, run.executor, run.ticket) == (task.id, Reason.FIRST, ME, f"run-{run.id}-1")
    assert run.prompt.startswith("# Say it\n\nLoudly.\n")
    assert changes.get(workshop.narrows, run.change_id).slot == 1
    assert admission.admit(workshop.narrows, ME) == []


def test_more_urgent_tasks_start_first_and_older_ones_among_equals(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, agents=3)
    for title, priority in (("old", 0), ("new", 0), ("urgent", 5), ("least", -1)):
        workshop.file(title, priority=priority)
    assert titles(narrows) == ["urgent", "old", "new"]


def test_no_more_agents_than_allowed_work_in_all(workshop: Workshop, other: Project) -> None:
    narrows = with_settings(workshop.narrows, agents=3)
    for _ in range(4):
        workshop.file()
        tasks.file(narrows, project_id=other.id, title="Over there")
    assert len(admission.admit(narrows, ME)) == 3
    assert admission.admit(narrows, ME) == []


def test_no_more_agents_than_allowed_work_in_one_project(workshop: Workshop, other: Project) -> None:
    for _ in range(4):
        tasks.file(workshop.narrows, project_id=other.id, title="Over there", priority=9)
    workshop.file("Here")
    assert titles(workshop.narrows) == ["Over there", "Over there", "Here"]


def test_a_project_that_is_full_starves_no_other_however_long_its_backlog(workshop: Workshop, other: Project) -> None:
    narrows = with_settings(workshop.narrows, agents=3)
    workshop.file("Mine")
    for _ in range(20):
        tasks.file(narrows, project_id=other.id, title="Over there", priority=9)
    assert titles(narrows) == ["Over there", "Over there", "Mine"]


def test_a_task_waits_until_those_before_it_are_done_or_dropped(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first, second = workshop.file("first"), workshop.file("second")
    workshop.file("third", after=[first.id, second.id])
    [one, two] = workshop.admit()
    workshop.land(workshop.finish(one, {"one.txt": "1\n"}))
    assert titles(narrows) == []
    changes.abandon(narrows, workshop.finish(two, {"two.txt": "2\n"}).id)
    assert tasks.get(narrows, second.id).state is TaskState.DROPPED
    assert titles(narrows) == ["third"]


def test_two_who_admit_at_once_never_admit_the_same(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, agents=64)
    projects.configure(narrows, workshop.project.id, agents_limit=64)
    filed = {workshop.file(f"Task {n}").id for n in range(40)}
    together = threading.Barrier(2)

    def admit(executor: str) -> list[int]:
        together.wait()
        return [run.task_id for run in admission.admit(narrows, executor)]

    with ThreadPoolExecutor(2) as pool:
        found = [id for done in [pool.submit(admit, name) for name in ("a", "b")] for id in done.result()]
    assert sorted(found) == sorted(filed)


def read(narrows: Narrows, minutes: float, *only: int) -> None:
    """As if each revision took so long to read, or those of the changes named."""
    with narrows.transaction() as db:
        for revision in db.exec(select(Revision)):
            if not only or revision.change_id in only:
                revision.minutes = minutes


def look(narrows: Narrows, change_id: int, minutes: float) -> None:
    """The change's first revision is read for so long, from an hour or more after it came."""
    revision = revisions.get(narrows, change_id, 1)
    until = revision.created_at + timedelta(hours=1, minutes=minutes, seconds=clocks.seconds(narrows, revision))
    clocks.tick(narrows, revision.id, minutes * 60, at=until)


def test_the_budget_stops_new_tasks_and_says_until_when_but_never_a_follow_up(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=60)
    change, other = workshop.change(), workshop.change()
    read(narrows, 59.9, change.id)
    read(narrows, 14, other.id)
    task = workshop.file("One more")
    assert admission.admit(narrows, ME) == []
    standing = tasks.standing(narrows, task.id)
    assert standing.shown == "paused by budget"
    said = "2 waiting (about 74 min): over your budget of 60 min. New tasks start once about 14 min are read."
    assert (standing.why, desk.desk(narrows).limit) == (said, said)

    follow_up = reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    reviews.request_changes(narrows, other.id, revision=1, message="Softer.")
    assert admission.admit(narrows, ME)[0].id == follow_up.id


def test_what_agents_are_at_counts_as_much_as_it_is_expected_to_bring(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30)
    first, second = workshop.change(), workshop.change()
    read(narrows, 22, first.id)
    read(narrows, 9, second.id)
    reviews.request_changes(narrows, second.id, revision=1, message="Louder.")
    task = workshop.file("One more")
    assert [run.change_id for run in admission.admit(narrows, ME)] == [second.id]
    said = (
        "1 waiting (about 22 min), 1 at work will bring about 9 more: over your budget of 30 min. "
        "New tasks start once about 1 min is read."
    )
    assert tasks.standing(narrows, task.id).why == said
    read(narrows, 20, first.id)
    assert titles(narrows) == ["One more"]
    stands = budget.look(narrows)
    assert (stands.working_changes, stands.expected_minutes) == (2, 9 + 14.5), "the mean of those before it"


def test_what_was_read_of_a_change_no_longer_waits(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30)
    change = workshop.change()
    read(narrows, 45, change.id)
    workshop.file("One more")
    assert titles(narrows) == []
    look(narrows, change.id, minutes=14)
    assert (budget.look(narrows).waiting_minutes, titles(narrows)) == (31, [])
    look(narrows, change.id, minutes=2)
    assert (budget.look(narrows).waiting_minutes, titles(narrows)) == (29, ["One more"])
    look(narrows, change.id, minutes=60)
    assert budget.look(narrows).waiting_minutes == 1, "a word is still to be said"


def test_of_a_change_that_was_read_before_half_is_expected_to_be_new(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30)
    change = workshop.change()
    read(narrows, 40, change.id)
    look(narrows, change.id, minutes=20)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    assert budget.look(narrows).expected_minutes == 30, "20 of its 40 minutes were read, and half of them will be again"
    [run] = workshop.admit()
    workshop.finish(run, {"a.txt": "louder\n"})
    read(narrows, 40, change.id)
    assert (budget.look(narrows).waiting_changes, budget.look(narrows).waiting_minutes) == (1, 30)


def test_a_new_task_counts_from_the_moment_it_is_given(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30, agents=8)
    projects.configure(narrows, workshop.project.id, agents_limit=8)
    for _ in range(8):
        workshop.file()
    assert len(admission.admit(narrows, ME)) == 3, "nothing was read yet: ten minutes are expected of each"
    assert admission.admit(narrows, ME) == []
    said = (
        "3 at work will bring about 30 min: your budget of 30 min is used up. New tasks start once about 1 min is read."
    )
    assert desk.desk(narrows).limit == said


def test_a_change_is_expected_to_be_like_those_of_its_kind_and_project(workshop: Workshop, other: Project) -> None:
    narrows = with_settings(workshop.narrows, budget=1000)
    large, small = workshop.change(), workshop.change(kind="refactoring")
    read(narrows, 40, large.id)
    read(narrows, 4, small.id)
    with narrows.reading() as db:
        expected = budget.Expectations(db)
        assert expected.of(workshop.project.id, Kind.DIRECTED) == 40
        assert expected.of(workshop.project.id, Kind.REFACTORING) == 4
        assert expected.of(other.id, Kind.REFACTORING) == expected.of(workshop.project.id, Kind.MAINTENANCE) == 22


def test_a_task_that_is_let_through_starts_but_within_the_limits_on_agents(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30, agents=1)
    change = workshop.change()
    read(narrows, 45, change.id)
    stopped, wanted, wanted_too = (workshop.file(title) for title in ("stopped", "wanted", "wanted, too"))
    for task in (wanted, wanted_too):
        tasks.let_through(narrows, task.id)
    assert tasks.standing(narrows, stopped.id).shown == "paused by budget"
    assert tasks.standing(narrows, wanted.id).shown == "backlog"
    assert titles(narrows) == ["wanted"]
    assert titles(narrows) == []
    tasks.hold_back(narrows, wanted_too.id)
    assert tasks.standing(narrows, wanted_too.id).shown == "paused by budget"
    with pytest.raises(WrongState, match="An agent has started on task"):
        tasks.hold_back(narrows, wanted.id)
    tasks.drop(narrows, stopped.id)
    with pytest.raises(WrongState, match="is dropped"):
        tasks.let_through(narrows, stopped.id)


def test_the_persons_own_budget_goes_before_the_settings(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=30)
    read(narrows, 45, workshop.change().id)
    workshop.file("One more")
    preferences.put(narrows, budget=45)
    assert titles(narrows) == []
    preferences.put(narrows, budget=46)
    assert titles(narrows) == ["One more"]


def several(workshop: Workshop, *rivals: str, **fields: object) -> Task:
    """A task that several agents try."""
    filed = workshop.file("Try it", **fields)
    with workshop.narrows.transaction() as db:
        task = db.get_one(Task, filed.id)
        task.rivals = list(rivals)
        db.add(task)
    return task


def started(narrows: Narrows) -> list[str]:
    return [run.agent for run in admission.admit(narrows, ME)]


def test_each_agent_that_tries_a_task_gets_a_change_of_its_own_when_there_is_room(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, agents=2)
    task = several(workshop, "second", "third")
    [first, second] = admission.admit(narrows, ME)
    assert [(run.agent, run.task_id) for run in (first, second)] == [("demo", task.id), ("second", task.id)]
    assert changes.get(narrows, first.change_id).slot != changes.get(narrows, second.change_id).slot
    assert [standing.task.id for standing in tasks.backlog(narrows)] == [task.id]
    assert desk.desk(narrows).queued == 1
    runs.stop(narrows, first.id)
    workshop.end(first, RunState.STOPPED)
    [third] = admission.admit(narrows, ME)
    assert third.agent == "third"
    assert tasks.backlog(narrows) == []


def test_the_budget_counts_each_agent_that_tries_a_task(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=20)
    several(workshop, "second", "third")
    workshop.file("Behind it")
    assert started(narrows) == ["demo", "second"]
    said = "third has yet to start on it. 2 at work will bring about 20 min: your budget of 20 min is used up."
    assert tasks.backlog(narrows)[0].why == f"{said} New tasks start once about 1 min is read."
    narrows = with_settings(workshop.narrows, budget=40)
    assert started(narrows) == ["third", "demo"]


def test_an_agent_at_its_limit_is_waited_for_and_the_others_start(workshop: Workshop) -> None:
    narrows = workshop.narrows
    several(workshop, "second")
    several(workshop, "third")
    with narrows.transaction() as db:
        pauses.begin(db, "demo", None, "Too much.")
    assert started(narrows) == ["second", "third"]
    pauses.end(narrows, "demo")
    assert started(narrows) == ["demo", "demo"]


def test_a_rival_that_was_given_up_is_not_started_again_until_the_task_is_opened_again(workshop: Workshop) -> None:
    narrows = workshop.narrows
    task = several(workshop, "second")
    first, second = (run.change_id for run in workshop.admit())
    changes.abandon(narrows, second)
    assert started(narrows) == []
    changes.abandon(narrows, first)
    changes.restore(narrows, first)
    assert tasks.get(narrows, task.id).state is TaskState.OPEN
    assert started(narrows) == [], "one is back, and the other stays given up"
    changes.abandon(narrows, first)
    tasks.reopen(narrows, task.id)
    narrows = with_settings(narrows, agents=1)
    for run in runs.mine(narrows, ME):
        workshop.end(run, RunState.STOPPED)
    assert started(narrows) == ["demo"]
    [again] = [run for run in runs.mine(narrows, ME) if run.state is RunState.QUEUED]
    runs.begin(narrows, again.id, ME)
    workshop.end(again)
    assert started(narrows) == ["second"], "both start anew, one after the other"
    assert started(narrows) == []


def test_a_budget_of_nothing_is_no_budget(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=0)
    workshop.change()
    read(narrows, 10_000)
    workshop.file("One more")
    assert titles(narrows) == ["One more"]


def test_follow_ups_go_before_new_tasks(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, agents=1)
    change = workshop.change()
    workshop.file("New and urgent", priority=9)
    run = reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    assert [each.id for each in admission.admit(narrows, ME)] == [run.id]


def test_a_changes_next_run_waits_until_the_one_before_it_is_over(workshop: Workshop) -> None:
    """An abandoned change that comes back may find its agent still ending: two would share one worktree."""
    narrows = workshop.narrows
    workshop.file()
    [first] = workshop.admit()
    changes.abandon(narrows, first.change_id)
    changes.restore(narrows, first.change_id)
    second = runs.retry(narrows, first.change_id)
    assert admission.admit(narrows, ME) == []

    workshop.finish(first, {"half.txt": "half\n"}, state=RunState.STOPPED)
    assert [run.id for run in admission.admit(narrows, ME)] == [second.id]


def test_a_worktree_that_was_given_back_is_used_again(workshop: Workshop) -> None:
    first, second = workshop.change(), workshop.change()
    assert (first.slot, second.slot) == (1, 2)
    changes.abandon(workshop.narrows, first.id)
    assert workshop.get(first).slot is None
    workshop.file()
    [run] = admission.admit(workshop.narrows, ME)
    assert changes.get(workshop.narrows, run.change_id).slot == 1
