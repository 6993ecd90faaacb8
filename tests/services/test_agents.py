"""The agents that a task can be given to."""

from __future__ import annotations

import pytest

from server.domain.agent import Found
from server.domain.errors import Invalid, NotFound
from server.services import agents
from server.services.narrows import Narrows


def test_agents_are_the_built_in_ones_and_the_persons_own(narrows: Narrows) -> None:
    agents.add(narrows, "mine", "command", ["/bin/true"], {"KEY": "$HOME"})
    assert [agent.name for agent in agents.everyone(narrows)] == ["demo", "mine"]
    assert agents.get(narrows, "mine").env == {"KEY": "$HOME"}
    again = agents.add(narrows, "mine", "acp", ["other", "--acp"], mode="plan")
    assert (again.family, agents.get(narrows, "mine").argv, again.env) == ("acp", ["other", "--acp"], {})
    with pytest.raises(NotFound, match="No agent is called 'nobody'"):
        agents.get(narrows, "nobody")
    assert agents.found(narrows) == [(agent, Found(None, None)) for agent in agents.everyone(narrows)]


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
