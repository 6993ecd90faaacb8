"""A configured agent as the agents' layer takes it, and the other way round."""

from __future__ import annotations

from typing import cast

from server.agents.builtin import BUILT_IN, find
from server.agents.protocol import AgentSpec, Family
from server.domain.agent import Agent, Found


def spec_of(agent: Agent) -> AgentSpec:
    """The row as a spec; a built-in agent's own spec."""
    if agent.built_in:
        return next(spec for spec in BUILT_IN if spec.name == agent.name)
    return AgentSpec(
        name=agent.name,
        family=cast(Family, agent.family),
        argv=tuple(agent.argv),
        env=agent.env,
        mode=agent.mode or None,
    )


def built_in_agents() -> tuple[Agent, ...]:
    """The built-in specs as rows that are in no table."""
    return tuple(
        Agent(
            name=spec.name,
            family=spec.family,
            argv=list(spec.argv),
            env=dict(spec.env),
            mode=spec.mode or "",
            description=spec.description,
            built_in=True,
        )
        for spec in BUILT_IN
    )


def probe(agent: Agent) -> Found:
    """Look for an agent's program, and ask it for its version. Takes seconds at most."""
    found = find(spec_of(agent))
    return Found(found.path, found.version)
