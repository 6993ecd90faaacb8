"""A model's limit is reached: its agent starts nothing until that is lifted, or the person says otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.domain.agent import Pause
from server.domain.base import now
from server.domain.event import Actor
from server.domain.run import Run
from server.domain.states import RunState
from server.domain.trouble import Trouble
from server.services import admission, agents, events, pauses, reviews, runs, tasks
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop

SOON = timedelta(hours=2)


@pytest.fixture(autouse=True)
def _other(narrows: Narrows) -> None:
    agents.add(narrows, "other", "command", ["true"])


def limited(workshop: Workshop, resets_at: datetime | None = None) -> Run:
    """A run of the agent "demo" that ran into its model's limit."""
    task = workshop.file("limited", agent="demo")
    run = next(each for each in workshop.admit() if each.task_id == task.id)
    ending = runs.Ending(RunState.FAILED, error="Demo: 429", trouble=Trouble.RATE_LIMIT, resets_at=resets_at)
    assert runs.end(workshop.narrows, run.id, ME, ending) is not None
    runs.decide(workshop.narrows, run.id)
    return run


def pause(narrows: Narrows, until: datetime | None) -> Pause:
    with narrows.transaction() as db:
        return pauses.begin(db, "demo", until, "429")


def started(narrows: Narrows) -> list[str]:
    return [tasks.get(narrows, run.task_id).title for run in admission.admit(narrows, ME)]


def test_a_run_that_meets_the_limit_pauses_its_agent_and_no_other(workshop: Workshop) -> None:
    narrows, until = workshop.narrows, now() + SOON
    run = limited(workshop, until)
    [paused] = pauses.every(narrows)
    assert (paused.agent, paused.until, paused.why) == ("demo", until, "Demo: 429")
    assert runs.get(narrows, run.id).resets_at == until
    waiting = workshop.file("waits", agent="demo")
    workshop.file("starts", agent="other")
    assert started(narrows) == ["starts"]
    assert tasks.standing(narrows, waiting.id).why == pauses.sentence(paused)


def test_follow_ups_of_a_paused_agent_wait_too(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(agent="demo")
    run = limited(workshop, now() + SOON)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    runs.retry(narrows, run.change_id)
    assert started(narrows) == []
    pauses.end(narrows, "demo")
    assert len(started(narrows)) == 2


def test_other_failures_pause_nobody(workshop: Workshop) -> None:
    workshop.file(agent="demo")
    [run] = workshop.admit()
    runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.FAILED, trouble=Trouble.MODEL))
    assert pauses.every(workshop.narrows) == []


def test_the_person_may_end_a_pause(workshop: Workshop) -> None:
    narrows = workshop.narrows
    pause(narrows, now() + SOON)
    workshop.file("waits", agent="demo")
    assert started(narrows) == []
    pauses.end(narrows, "demo")
    assert started(narrows) == ["waits"]
    pauses.end(narrows, "demo")


def test_a_limit_that_is_lifted_ends_its_pause_and_wakes_who_dispatches(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrows, until = workshop.narrows, now() + SOON
    pause(narrows, until)
    workshop.file("waits", agent="demo")
    before = events.last_id(narrows)
    pauses.lift(narrows)
    assert (len(pauses.every(narrows)), events.last_id(narrows)) == (1, before), "it is not lifted yet"

    monkeypatch.setattr(pauses, "now", lambda: until + timedelta(seconds=1))
    pauses.lift(narrows)
    assert pauses.every(narrows) == []
    assert started(narrows) == ["waits"]
    resumed = [event for event in events.since(narrows, before) if event.verb == "resumed"]
    assert [(event.actor, event.noun, event.data) for event in resumed] == [(Actor.ENGINE, "agent", {"agent": "demo"})]


def test_what_nobody_says_is_taken_for_minutes_and_what_is_beyond_belief_for_days(narrows: Narrows) -> None:
    before = now()
    assert before + pauses.UNTOLD <= pause(narrows, None).until <= now() + pauses.UNTOLD
    assert pause(narrows, before + timedelta(days=400)).until <= now() + pauses.LONGEST


def test_a_limit_that_is_known_is_not_cut_short_by_one_that_is_not(narrows: Narrows) -> None:
    until = now() + SOON
    pause(narrows, until)
    assert pause(narrows, None).until == until
    sooner = now() + timedelta(minutes=1)
    assert pause(narrows, sooner).until == sooner, "what is said newly is better known"
