"""The agents that tasks can be given to: built in, and configured by the person."""

from __future__ import annotations

import re

from server.domain.agent import Agent, Found
from server.domain.errors import Invalid, NotFound
from server.services.narrows import Narrows
from server.store import queries

FAMILIES = ("acp", "command")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def everyone(narrows: Narrows) -> list[Agent]:
    """Every agent, the built-in ones first."""
    with narrows.reading() as db:
        return [*narrows.built_in, *queries.agents(db)]


def get(narrows: Narrows, name: str) -> Agent:
    """The agent of that name.

    Raises:
        NotFound: There is none.
    """
    for agent in everyone(narrows):
        if agent.name == name:
            return agent
    raise NotFound(f"No agent is called {name!r}.", "See the agents' page for those there are, or add it there.")


def found(narrows: Narrows) -> list[tuple[Agent, Found]]:
    """Every agent, and whether its program is on this machine. May take seconds."""
    return [(agent, narrows.probe(agent)) for agent in everyone(narrows)]


def add(
    narrows: Narrows, name: str, family: str, argv: list[str], env: dict[str, str] | None = None, mode: str = ""
) -> Agent:
    """Configure an agent, or change the one of that name.

    Raises:
        Invalid: A field can't be used.
    """
    if not NAME.fullmatch(name):
        raise Invalid("name", "A name is small letters, digits, '.', '-' and '_', and starts with a letter or digit.")
    if any(agent.name == name for agent in narrows.built_in):
        raise Invalid("name", f"{name!r} is built in.", "Choose another name.")
    if family not in FAMILIES:
        raise Invalid("family", f"No family is called {family!r}.", f"One of: {', '.join(FAMILIES)}.")
    if not argv or not argv[0].strip() or any("\0" in word for word in argv):
        raise Invalid("argv", "The command is empty.", "Give the program and its arguments.")
    with narrows.transaction() as db:
        agent = db.get(Agent, name) or Agent(name=name, family=family, argv=argv)
        agent.family, agent.argv, agent.env, agent.mode = family, argv, env or {}, mode
        db.add(agent)
    return agent
