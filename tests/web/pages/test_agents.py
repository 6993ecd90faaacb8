"""The page of the agents: what is known of each, trying one, a pause, and adding one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI

from server.domain.agent import Agent, Found, TrialState
from server.domain.agent_facts import Facts
from server.domain.base import now
from server.domain.trouble import Trouble
from server.services import agents, pauses, runs, trials
from server.services.narrows import Narrows
from tests.web.pages.conftest import Person

HOSTILE = "<b>\u202eevil"


@pytest.fixture
def machine(app: FastAPI, narrows: Narrows) -> Narrows:
    """A house on a machine that has some agents."""
    rows = {
        "demo": (Facts("Demo", "built in"), Found("/bin/demo", "1")),
        "claude": (
            Facts(
                "Claude Code",
                "known",
                driven="by its own stream",
                others=("Better by the protocol: get the adapter.",),
                confines_itself="a cage",
                asks=True,
                asking="before it acts, where a project says so",
                continues=True,
                tokens=True,
                gives_up=90,
                section='[agents.my-claude]\nbased_on = "claude"\n',
            ),
            Found("/bin/claude", "1.0", login=True, clue="KEY", problem="It is too old.", step="Get a newer one."),
        ),
        "gemini": (
            Facts("Gemini", "known", programs=("gemini",)),
            Found(None, None, problem="Gemini is not on this machine.", step="Run `npm install gemini`."),
        ),
        "cursor": (Facts("Cursor", "known", proven=False), Found("/bin/cursor", HOSTILE, login=False)),
    }

    made = replace(
        narrows,
        built_in=tuple(Agent(name=name, family="acp", argv=[name], built_in=True) for name in rows),
        describe=lambda agent: rows.get(agent.name, (Facts(agent.name), Found(None, None))),
    )
    app.state.narrows = made
    return made


@pytest.mark.usefixtures("machine")
def test_each_agent_says_what_is_known_of_it(person: Person) -> None:
    page = person.reads("/agents")
    for said in (
        "too old",
        "It is too old.",
        "Get a newer one.",
        "/bin/claude",
        "by its own stream",
        "Better by the protocol: get the adapter.",
        "logged in, by KEY",
        "by a cage",
        "before it acts, where a project says so",
        "tokens; no cost",
        "is said to be failing after 90 s at the latest",
        'based_on = "claude"',
        "1 agent is not on this machine: Gemini",
        "<code>npm install gemini</code>",
        "not logged in, as far as can be seen",
        "unproven",
        "driven by its documentation alone",
    ):
        assert said in page, said
    assert page.index("Cursor") < page.index("Gemini")
    assert HOSTILE not in page


@pytest.mark.usefixtures("machine")
def test_programs_are_asked_for_their_versions_after_the_page_is_there(person: Person) -> None:
    page = person.reads("/agents")
    assert 'hx-get="/agents/found"' in page
    told = person.peeks("/agents/found")
    assert "hx-target=\"[id='head-claude']\"" in told
    assert "gemini" not in told
    whole = person.reads("/agents?ask=yes")
    assert 'hx-get="/agents/found"' not in whole


def test_an_agent_is_tried_and_stopped(person: Person, machine: Narrows) -> None:
    assert "no engine runs" in person.sends("/agents/demo/trials", 503)
    runs.heartbeat(machine, "tests", "here", 1)
    assert 'action="/agents/demo/trials"' in person.reads("/agents")
    assert person.sends("/agents/demo/trials") == "/agents#agent-demo"
    page = person.reads("/agents")
    assert 'action="/agents/demo/trials"' not in page
    trial = agents.see(machine, "demo").trial
    assert trial
    assert f'action="/trials/{trial.id}/stop"' in page
    assert "is being tried already" in person.sends("/agents/demo/trials", 409)
    assert "It has not said anything yet." in person.reads(f"/trials/{trial.id}")
    assert person.sends(f"/trials/{trial.id}/stop") == "/agents#agent-demo"
    assert "You stopped it." in person.reads("/agents")
    assert "is over" in person.sends(f"/trials/{trial.id}/stop", 409)
    assert "No agent is called" in person.sends("/agents/nobody/trials", 404)


def test_a_trial_says_what_came_of_it(person: Person, machine: Narrows) -> None:
    runs.heartbeat(machine, "tests", "here", 1)
    trial = trials.ask(machine, "claude")
    trials.begin(machine, trial.id, "Claude 2, by a test", "")
    (trials.folder(machine, trial.id) / "transcript.jsonl").write_text(
        '{"kind":"message","at":1,"text":"<script>I tried\\u202e</script>"}\n'
    )
    trials.end(machine, trial.id, TrialState.FAILS, "401 <no>", Trouble.LOGIN, {"input": 1200, "cost": 0.5})
    for page in (person.client.get("/agents").text, person.client.get(f"/trials/{trial.id}").text):
        for said in ("401 &lt;no&gt;", "Log in with the agent", "Claude 2, by a test, not confined", "1,200 in"):
            assert said in page, said
        assert "<script>I" not in page
    assert "&lt;script&gt;I tried" in person.client.get(f"/trials/{trial.id}").text


def test_a_paused_agent_can_be_used_all_the_same(person: Person, machine: Narrows) -> None:
    with machine.transaction() as db:
        pauses.begin(db, "claude", now() + timedelta(hours=2), "Its limit is reached.")
    page = person.reads("/agents")
    assert "Paused until" in page
    assert "Its limit is reached." in page
    assert person.sends("/agents/claude/resumption") == "/agents#agent-claude"
    assert "Paused until" not in person.reads("/agents")


def test_adding_one_shows_the_section_that_would_do_the_same(person: Person, machine: Narrows) -> None:
    page = person.sends("/agents", 422, name="Mine", family="acp", command="mine --acp", env="A=1", mode="plan")
    assert '[agents.Mine]\nfamily = "acp"\nargv = ["mine", "--acp"]\nenv = { A = "1" }\nmode = "plan"' in page
    assert person.sends("/agents", name="mine", family="acp", command="mine", mode="plan") == "/agents#agent-mine"
    assert agents.get(machine, "mine").mode == "plan"
