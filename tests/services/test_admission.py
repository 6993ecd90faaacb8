"""What starts, when, and never twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from server.domain.change import Revision
from server.domain.project import Project
from server.domain.run import Reason
from server.domain.states import RunState, TaskState
from server.services import admission, changes, projects, reviews, runs, tasks
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


def read(narrows: Narrows, minutes: float) -> None:
    """As if each revision took so long to read."""
    with narrows.transaction() as db:
        for revision in db.exec(select(Revision)):
            revision.minutes = minutes


def test_the_budget_pauses_new_tasks_and_says_so_but_never_a_follow_up(workshop: Workshop) -> None:
    narrows = with_settings(workshop.narrows, budget=60)
    change = workshop.change()
    read(narrows, 59.9)
    other = workshop.change()
    read(narrows, 30)
    task = workshop.file("One more")
    assert admission.admit(narrows, ME) == []
    standing = tasks.standing(narrows, task.id)
    assert standing.shown == "paused"
    assert standing.why == "2 waiting, about 60 min to read; your budget is 60 min. Paused."

    follow_up = reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    reviews.request_changes(narrows, other.id, revision=1, message="Softer.")
    assert admission.admit(narrows, ME)[0].id == follow_up.id


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
