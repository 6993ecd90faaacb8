"""The agents that tasks can be given to: built in, known, and configured by the person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.agent import Agent, Found, Pause, Trial
from server.domain.agent_facts import NAME, Facts, Readiness, readiness
from server.domain.base import now
from server.domain.errors import Invalid, NotFound
from server.services import pauses
from server.services.narrows import Narrows
from server.store import queries

FAMILIES = ("acp", "command")
AT_ONCE = 16  # programs asked for their version at the same time


@dataclass(frozen=True, slots=True)
class Seen:
    """An agent with all that is known of it: its facts, what was found here, its pause and its last trial if any."""

    agent: Agent
    facts: Facts
    found: Found
    pause: Pause | None = None
    trial: Trial | None = None

    @property
    def readiness(self) -> Readiness:
        return readiness(self.facts, self.found)

    @property
    def login(self) -> str:
        """Whether it is logged in, and by what that is known, in words; empty where nothing needs a login."""
        if self.found.path is None or self.facts.origin == "built in":
            return ""
        if self.found.login is None:
            return "can't be known without asking its model"
        return f"logged in, by {self.found.clue}" if self.found.login else "not logged in, as far as can be seen"


def everyone(narrows: Narrows) -> list[Agent]:
    """Every agent, the built-in ones first. One that the person added keeps its name where a newer Narrows knows it."""
    with narrows.reading() as db:
        own = queries.agents(db)
    taken = {agent.name for agent in own}
    return [*(agent for agent in narrows.built_in if agent.name not in taken), *own]


def get(narrows: Narrows, name: str) -> Agent:
    """The agent of that name.

    Raises:
        NotFound: There is none.
    """
    for agent in everyone(narrows):
        if agent.name == name:
            return agent
    raise NotFound(f"No agent is called {name!r}.", "See the agents' page for those there are, or add it there.")


def converses(db: Session, name: str) -> bool:
    """Whether the agent holds a conversation: a program of the person's own that reads a prompt and ends does not."""
    added = queries.find_agent(db, name)
    return added is None or added.family != "command"


def seen(narrows: Narrows, *, ask: bool = False) -> list[Seen]:
    """Every agent, those that are on this machine first, and our own, which have no model, last of these.

    Args:
        ask: Ask all programs for their versions, at the same time, which takes five seconds at most. Otherwise nothing
            is started, and versions are told as far as they are known.
    """
    everybody = everyone(narrows)
    if ask:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(narrows.probe, everybody))
    paused = {pause.agent: pause for pause in pauses.every(narrows) if pause.until > now()}
    with narrows.reading() as db:
        trials = {trial.agent: trial for trial in queries.last_trials(db)}
    all_seen = [
        Seen(agent, *narrows.describe(agent), paused.get(agent.name), trials.get(agent.name)) for agent in everybody
    ]
    return sorted(all_seen, key=lambda one: (one.found.path is None, one.facts.origin == "built in"))


def see(narrows: Narrows, name: str, *, ask: bool = False) -> Seen:
    """One agent, as `seen` tells of it.

    Raises:
        NotFound: There is none.
    """
    agent = get(narrows, name)
    if ask:
        narrows.probe(agent)
    with narrows.reading() as db:
        pause, trial = db.get(Pause, name), queries.last_trial(db, name)
    return Seen(agent, *narrows.describe(agent), pause if pause and pause.until > now() else None, trial)


def add(
    narrows: Narrows, name: str, family: str, argv: list[str], env: dict[str, str] | None = None, mode: str = ""
) -> Agent:
    """Configure an agent, or change the one of that name.

    Raises:
        Invalid: A field can't be used.
    """
    if not NAME.fullmatch(name):
        raise Invalid("name", "A name is small letters, digits, '.', '-' and '_', and starts with a letter or digit.")
    if family not in FAMILIES:
        raise Invalid("family", f"No family is called {family!r}.", f"One of: {', '.join(FAMILIES)}.")
    if not argv or not argv[0].strip() or any("\0" in word for word in argv):
        raise Invalid("argv", "The command is empty.", "Give the program and its arguments.")
    with narrows.transaction() as db:
        agent = db.get(Agent, name)
        if agent is None and any(known.name == name for known in narrows.built_in):
            raise Invalid("name", f"{name!r} is built in, or known already.", "Choose another name.")
        agent = agent or Agent(name=name, family=family, argv=argv)
        agent.family, agent.argv, agent.env, agent.mode = family, argv, env or {}, mode
        db.add(agent)
    return agent
