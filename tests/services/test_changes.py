"""Abandoning and restoring: what is given up is kept, and comes back whole."""

from __future__ import annotations

import pytest
from sqlmodel import select

from server.domain.errors import NotFound, WrongState
from server.domain.review import Review, Verdict
from server.domain.run import Run
from server.domain.states import ChangeState, CheckState, RunState, TaskState
from server.git import mirrors
from server.services import changes, checks, events, reviews, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.services.workshop import Workshop

SAID = {"said.txt": "said\n"}


def reviewed(narrows: Narrows, change_id: int) -> list[Review]:
    with narrows.reading() as db:
        return list(db.exec(select(Review).where(Review.change_id == change_id)))


def test_an_abandoned_change_drops_its_task_and_keeps_its_work(workshop: Workshop) -> None:
    change = workshop.change(SAID)
    revision = revisions.get(workshop.narrows, change.id, 1)
    change = changes.abandon(workshop.narrows, change.id)
    assert (change.state, change.slot) == (ChangeState.ABANDONED, None)
    assert workshop.task_of(change).state is TaskState.DROPPED
    assert mirrors.resolve(workshop.mirror, revision.ref) == revision.commit
    [verdict] = reviewed(workshop.narrows, change.id)
    assert (verdict.verdict, verdict.commit) == (Verdict.ABANDON, revision.commit)
    assert [(e.noun, e.verb) for e in events.since(workshop.narrows, 0)][-3:] == [
        ("task", "dropped"),
        ("change", "abandoned"),
        ("change", "gave_back_worktree"),
    ]


def test_what_was_abandoned_comes_back_with_its_task(workshop: Workshop) -> None:
    change = workshop.change(SAID)
    before = revisions.of_change(workshop.narrows, change.id)
    changes.abandon(workshop.narrows, change.id)
    change = changes.restore(workshop.narrows, change.id)
    assert change.state is ChangeState.IN_REVIEW
    assert workshop.task_of(change).state is TaskState.OPEN
    assert revisions.of_change(workshop.narrows, change.id) == before
    assert revisions.whole_file(workshop.narrows, before[0], "said.txt", old=False) == b"said\n"


def test_a_change_without_a_revision_comes_back_as_a_question(workshop: Workshop) -> None:
    workshop.file()
    [run] = workshop.admit()
    change = workshop.finish(run, {}, state=RunState.FAILED)
    changes.abandon(workshop.narrows, change.id)
    assert changes.restore(workshop.narrows, change.id).state is ChangeState.NEEDS_ATTENTION


def test_only_what_was_abandoned_is_restored(workshop: Workshop) -> None:
    change = workshop.change(SAID)
    with pytest.raises(WrongState, match="is in review"):
        changes.restore(workshop.narrows, change.id)
    workshop.land(change)
    with pytest.raises(WrongState, match="is landed"):
        changes.restore(workshop.narrows, change.id)
    with pytest.raises(WrongState, match="is landed"):
        changes.abandon(workshop.narrows, change.id)


def test_a_task_lives_on_with_another_change(workshop: Workshop) -> None:
    """Restored beside the change that was started meanwhile: giving one up keeps the task for the other."""
    narrows = workshop.narrows
    first = workshop.change(SAID)
    changes.abandon(narrows, first.id)
    tasks.reopen(narrows, first.task_id)
    [run] = workshop.admit()
    second = workshop.finish(run, {"other.txt": "other\n"})
    changes.restore(narrows, first.id)
    changes.abandon(narrows, first.id)
    assert workshop.task_of(first).state is TaskState.OPEN
    changes.abandon(narrows, second.id)
    assert workshop.task_of(first).state is TaskState.DROPPED


@pytest.fixture
def run(workshop: Workshop) -> Run:
    """At work."""
    workshop.file()
    [run] = workshop.admit()
    return run


def test_abandoning_stops_the_agent_and_keeps_its_worktree_until_it_ended(workshop: Workshop, run: Run) -> None:
    change = changes.abandon(workshop.narrows, run.change_id)
    assert runs.get(workshop.narrows, run.id).stop_asked
    assert change.slot == 1
    change = workshop.finish(run, {"half.txt": "half\n"}, state=RunState.STOPPED)
    assert (change.state, change.slot) == (ChangeState.ABANDONED, None)
    assert len(revisions.of_change(workshop.narrows, change.id)) == 1, "what it had done is kept"


def test_abandoning_during_checks_stops_them_and_keeps_their_worktree(workshop: Workshop, run: Run) -> None:
    """Another agent in the tree would be checked with it, and its work swept away afterwards."""
    narrows = workshop.narrows
    workshop.write(run, SAID)
    revision = workshop.take(run)
    assert revision is not None
    workshop.end(run)
    [check] = checks.plan(narrows, workshop.project, revision)
    checks.start(narrows, check.id)

    change = changes.abandon(narrows, run.change_id)
    assert change.slot == 1
    assert ("run", "stop_asked") in [(e.noun, e.verb) for e in events.of_change(narrows, change.id)]

    checks.end(narrows, check.id, CheckState.ERRORED)
    assert runs.decide(narrows, run.id).slot is None


def test_abandoning_ends_a_run_that_waits(workshop: Workshop) -> None:
    change = workshop.change(SAID)
    waiting = reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder.")
    change = changes.abandon(workshop.narrows, change.id)
    assert change.slot is None
    assert runs.get(workshop.narrows, waiting.id).state is RunState.STOPPED


def test_changes_are_listed_newest_first_and_by_state(workshop: Workshop) -> None:
    first, second, third = (workshop.change() for _ in range(3))
    changes.abandon(workshop.narrows, second.id)
    assert [change.id for change in changes.every(workshop.narrows)] == [third.id, second.id, first.id]
    assert [change.id for change in changes.every(workshop.narrows, limit=1)] == [third.id]
    assert [c.id for c in changes.every(workshop.narrows, state=ChangeState.ABANDONED)] == [second.id]
    with pytest.raises(NotFound):
        changes.get(workshop.narrows, 99)
