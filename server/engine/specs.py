"""The agents of this installation as the agents' layer takes them: how each is driven, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from server.agents.builtin import BUILT_IN
from server.agents.configured import configured
from server.agents.finding import NUMBER, ask_version, choose, titled
from server.agents.known import KNOWN
from server.agents.protocol import AgentSpec, Family, Manner
from server.domain.agent import Agent, Found
from server.domain.agent_facts import Facts, section_text
from server.settings import Settings


def built_in_agents(settings: Settings) -> tuple[Agent, ...]:
    """Our own agents, the known ones, and those of `config.toml`, as rows that are in no table.

    Raises:
        Invalid: A section of `config.toml` can't be used.
    """
    first = {spec.name: spec for spec in reversed((*BUILT_IN, *KNOWN, *_sections(settings)))}
    return tuple(map(_row, reversed(first.values())))


def chosen(agent: Agent, settings: Settings) -> tuple[AgentSpec, Found]:
    """How the agent is driven on this machine, ready to run, and what is known of it without starting anything."""
    return choose(_ways(agent, settings))


def ready(agent: Agent, settings: Settings) -> tuple[AgentSpec, Found]:
    """The same with the version, for which the program is asked if it has not been yet. Takes seconds at most."""
    spec, found = chosen(agent, settings)
    return spec, ask_version(spec, found)


def probe(agent: Agent, settings: Settings) -> Found:
    """What is known of the agent with its version, as `ready` answers it."""
    return ready(agent, settings)[1]


def driven_by(spec: AgentSpec, found: Found) -> str:
    """What works, in which version, and how it is driven, in words."""
    number = NUMBER.search(found.version or "")
    return f"{titled(spec)}{' ' + number[0] if number else ''}, {_driven(spec)}"


def describe(agent: Agent, settings: Settings) -> tuple[Facts, Found]:
    """What is known of the agent at once: the version only if it was asked for before."""
    ways = _ways(agent, settings)
    spec, found = choose(ways)
    return _facts(agent, spec, found, ways, _origin(agent, settings)), found


def _sections(settings: Settings) -> tuple[AgentSpec, ...]:
    return configured(settings.agent_sections, (*BUILT_IN, *KNOWN))


def _ways(agent: Agent, settings: Settings) -> Sequence[AgentSpec]:
    if agent.built_in:
        return [spec for spec in (*BUILT_IN, *KNOWN, *_sections(settings)) if spec.name == agent.name]
    own = AgentSpec(
        name=agent.name,
        family=cast(Family, agent.family),
        argv=tuple(agent.argv),
        description=agent.description,
        env=agent.env,
        free=Manner(mode=agent.mode),
    )
    return [own]


def _row(spec: AgentSpec) -> Agent:
    return Agent(
        name=spec.name,
        family=spec.family,
        argv=list(spec.argv),
        env=dict(spec.env),
        mode=spec.free.mode,
        description=spec.description,
        built_in=True,
    )


def _origin(agent: Agent, settings: Settings) -> str:
    if not agent.built_in:
        return "added here"
    if agent.name in settings.agent_sections:
        return "from config.toml"
    return "built in" if any(spec.name == agent.name for spec in BUILT_IN) else "known"


def _facts(agent: Agent, spec: AgentSpec, found: Found, ways: Sequence[AgentSpec], origin: str) -> Facts:
    return Facts(
        title=titled(spec),
        description=spec.description,
        origin=origin,
        driven=_driven(spec),
        programs=tuple(dict.fromkeys(name for way in ways for name in (way.argv[0], *way.needs.values()))),
        others=_better(ways, found),
        confines_itself=spec.confines_itself,
        asks=spec.family == "acp" and spec.asking is not None,
        asking=_asking(spec),
        continues=spec.family == "acp" or bool(spec.resume),
        tokens=spec.tokens is not None,
        cost=spec.cost is not None,
        gives_up=spec.gives_up,
        proven=spec.proven,
        oldest=spec.oldest,
        install=spec.install,
        section=_section_of(agent, origin),
    )


def _driven(spec: AgentSpec) -> str:
    if spec.family == "acp":
        return "by the Agent Client Protocol" + (" through its adapter" if spec.way == "adapter" else "")
    return "by its own command line and its stream of events" if spec.format != "text" else "as a plain command"


def _asking(spec: AgentSpec) -> str:
    if spec.family == "acp":
        return "before it acts, where a project says so" if spec.asking else "when it chooses to"
    return "never: what a project wants to be asked is refused" if spec.asking else "never, and does what it wants to"


def _better(ways: Sequence[AgentSpec], found: Found) -> tuple[str, ...]:
    """The ways before the one that is possible, and what each one lacks."""
    if found.path is None:
        return ()
    before = ways[: next((place for place, way in enumerate(ways) if way.way == found.way), 0)]
    return tuple(f"Better {_driven(way)}: {way.install}" for way in before)


def _section_of(agent: Agent, origin: str) -> str:
    match origin:
        case "added here":
            return section_text(agent.name, agent.family, agent.argv, agent.env, agent.mode)
        case "known":
            return f'[agents.my-{agent.name}]\nbased_on = "{agent.name}"\n'
        case _:
            return ""
