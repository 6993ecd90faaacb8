"""Trials as the person asks for them, and as an engine carries them out, one step at a time."""

from __future__ import annotations

import pytest

from server.domain.agent import Trial, TrialState
from server.domain.errors import NotFound, Unavailable, WrongState
from server.domain.trouble import Trouble
from server.services import agents, events, runs, trials
from server.services.narrows import Narrows


@pytest.fixture
def _engine(narrows: Narrows) -> None:
    runs.heartbeat(narrows, "tests", "here", 1)


def verbs(narrows: Narrows) -> list[str]:
    return [event.verb for event in events.since(narrows, 0) if event.noun == "trial"]


def test_nobody_tries_without_an_engine(narrows: Narrows) -> None:
    with pytest.raises(Unavailable, match="no engine runs"):
        trials.ask(narrows, "demo")
    with pytest.raises(NotFound, match="No agent is called 'nobody'"):
        trials.ask(narrows, "nobody")
    assert verbs(narrows) == []


@pytest.mark.usefixtures("_engine")
def test_a_trial_is_asked_for_taken_up_once_and_ended_once(narrows: Narrows) -> None:
    asked = trials.ask(narrows, "demo")
    with pytest.raises(WrongState, match="demo is being tried already"):
        trials.ask(narrows, "demo")
    assert [trial.id for trial in trials.waiting(narrows)] == [asked.id]
    assert trials.begin(narrows, asked.id, "Demo 1, as a test", "a cage")
    assert not trials.begin(narrows, asked.id, "Demo 1, as another", "")
    assert trials.waiting(narrows) == []
    assert [trial.id for trial in trials.under_way(narrows)] == [asked.id]
    trials.end(narrows, asked.id, TrialState.FAILS, "It failed.", Trouble.LOGIN, {"input": 3})
    trials.end(narrows, asked.id, TrialState.WORKS, "It works.")
    ended = trials.get(narrows, asked.id)
    assert (ended.state, ended.sentence, ended.trouble) == (TrialState.FAILS, "It failed.", Trouble.LOGIN)
    assert (ended.driven_by, ended.confined_by, ended.usage) == ("Demo 1, as a test", "a cage", {"input": 3})
    assert ended.seconds is not None
    assert verbs(narrows) == ["asked", "began", "ended"]
    with pytest.raises(WrongState, match="The trial of demo is over"):
        trials.stop(narrows, asked.id)


@pytest.mark.usefixtures("_engine")
def test_one_that_nobody_took_up_is_stopped_at_once(narrows: Narrows) -> None:
    asked = trials.ask(narrows, "demo")
    assert trials.stop(narrows, asked.id).state is TrialState.BROKEN_OFF
    again = trials.ask(narrows, "demo")
    assert trials.begin(narrows, again.id, "Demo", "")
    assert trials.stop(narrows, again.id).state is TrialState.RUNNING, "whoever carries it out ends it"
    assert trials.earlier(narrows, again) == [asked.id]


@pytest.mark.usefixtures("_engine")
def test_an_agent_is_seen_with_its_newest_trial(narrows: Narrows) -> None:
    agents.add(narrows, "other", "command", ["true"])

    def newest() -> dict[str, Trial | None]:
        return {seen.agent.name: seen.trial for seen in agents.seen(narrows)}

    assert newest() == {"demo": None, "other": None}
    first = trials.ask(narrows, "demo")
    trials.stop(narrows, first.id)
    second = trials.ask(narrows, "demo")
    trial = newest()["demo"]
    assert trial
    assert (trial.id, newest()["other"]) == (second.id, None)
    one = agents.see(narrows, "demo")
    assert one.trial
    assert one.trial.id == second.id


@pytest.mark.usefixtures("_engine")
def test_what_was_said_in_a_trial_is_read_as_text(narrows: Narrows) -> None:
    asked = trials.ask(narrows, "demo")
    assert trials.transcript(narrows, asked.id) == ""
    trials.begin(narrows, asked.id, "Demo", "")
    lines = '{"kind":"message","at":1,"text":"Hello"}\n{"kind":"tool","at":2,"id":"1","title":"Edit","tool":"edit",'
    (trials.folder(narrows, asked.id) / "transcript.jsonl").write_text(lines + '"state":"completed"}\nbroken')
    assert trials.transcript(narrows, asked.id) == "Hello\n• Edit (edit, completed)\n"
