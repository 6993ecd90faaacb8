"""The agents that a task can be given to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.domain.agent import Agent, Found
from server.domain.agent_facts import Facts, Readiness, readiness
from server.domain.base import now
from server.domain.errors import Invalid, NotFound
from server.services import agents, pauses
from server.services.narrows import Narrows


def test_agents_are_the_built_in_ones_and_the_persons_own(narrows: Narrows) -> None:
    agents.add(narrows, "mine", "command", ["/bin/true"], {"KEY": "$HOME"})
    assert [agent.name for agent in agents.everyone(narrows)] == ["demo", "mine"]
    assert agents.get(narrows, "mine").env == {"KEY": "$HOME"}
    again = agents.add(narrows, "mine", "acp", ["other", "--acp"], mode="plan")
    assert (again.family, agents.get(narrows, "mine").argv, again.env) == ("acp", ["other", "--acp"], {})
    with pytest.raises(NotFound, match="No agent is called 'nobody'"):
        agents.get(narrows, "nobody")
    assert [(seen.agent.name, seen.found) for seen in agents.seen(narrows)] == [
        ("demo", Found(None, None)),
        ("mine", Found(None, None)),
    ]


def with_found(narrows: Narrows, **found: Found) -> Narrows:
    """The same, where agents are as given."""

    def describe(agent: Agent) -> tuple[Facts, Found]:
        return Facts(agent.name, origin="known"), found[agent.name]

    return replace(narrows, describe=describe)


def test_those_that_are_there_come_first_each_with_one_word_and_its_login(narrows: Narrows) -> None:
    for name in ("a", "b", "c"):
        agents.add(narrows, name, "command", [name])
    there = Found("/bin/b", None)
    house = with_found(
        narrows,
        demo=Found(None, None, problem="It is not there."),
        a=replace(there, problem="It is too old."),
        b=replace(there, login=False),
        c=replace(there, login=True, clue="KEY"),
    )
    assert [(seen.agent.name, seen.readiness, seen.login) for seen in agents.seen(house)] == [
        ("a", Readiness.TOO_OLD, "can't be known without asking its model"),
        ("b", Readiness.LOGGED_OUT, "not logged in, as far as can be seen"),
        ("c", Readiness.READY, "logged in, by KEY"),
        ("demo", Readiness.MISSING, ""),
    ]
    assert readiness(Facts("x", proven=False), there) is Readiness.UNPROVEN


def test_programs_are_asked_only_when_they_are_to_be(narrows: Narrows) -> None:
    agents.add(narrows, "mine", "command", ["mine"])
    probed: list[str] = []

    def probe(agent: Agent) -> Found:
        probed.append(agent.name)
        return Found(None, None)

    house = replace(narrows, probe=probe)
    agents.seen(house)
    agents.see(house, "mine")
    assert probed == []
    agents.seen(house, ask=True)
    assert sorted(probed) == ["demo", "mine"]
    agents.see(house, "mine", ask=True)
    assert probed[2:] == ["mine"]


def test_an_agent_whose_limit_is_reached_is_seen_paused_until_then(narrows: Narrows) -> None:
    with narrows.transaction() as db:
        pauses.begin(db, "demo", now() + timedelta(hours=1), "Its limit is reached.")
    pause = agents.see(narrows, "demo").pause
    assert pause
    assert pause.why == "Its limit is reached."
    assert [seen.pause.why for seen in agents.seen(narrows) if seen.pause] == ["Its limit is reached."]
    with narrows.transaction() as db:
        pauses.begin(db, "demo", now() - timedelta(seconds=1), "It was reached.")
    assert agents.see(narrows, "demo").pause is None
    assert agents.seen(narrows)[0].pause is None


def test_an_agent_of_ones_own_keeps_its_name_where_a_newer_narrows_knows_it(narrows: Narrows) -> None:
    agents.add(narrows, "claude", "command", ["my-claude"])
    newer = replace(
        narrows, built_in=(*narrows.built_in, Agent(name="claude", family="acp", argv=["x"], built_in=True))
    )
    assert [(agent.name, agent.argv) for agent in agents.everyone(newer)] == [
        ("demo", ["true"]),
        ("claude", ["my-claude"]),
    ]
    assert agents.add(newer, "claude", "command", ["still-mine"]).argv == ["still-mine"]


@pytest.mark.parametrize(
    ("name", "family", "argv", "field"),
    [
        ("Mine", "command", ["true"], "name"),
        ("", "command", ["true"], "name"),
        ("a" * 41, "command", ["true"], "name"),
        ("a/b", "command", ["true"], "name"),
        ("demo", "command", ["true"], "name"),
        ("mine", "telepathy", ["true"], "family"),
        ("mine", "command", [], "argv"),
        ("mine", "command", [" "], "argv"),
        ("mine", "command", ["a\0b"], "argv"),
    ],
)
def test_an_agent_that_cant_be_is_refused(
    narrows: Narrows, name: str, family: str, argv: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        agents.add(narrows, name, family, argv)
    assert refused.value.field == field
    assert [agent.name for agent in agents.everyone(narrows)] == ["demo"]
