"""The agents that come with Narrows, and how any agent is made."""

from __future__ import annotations

import sys
from typing import assert_never

from server.agents import demo, maintenance
from server.agents.acp import AcpAgent
from server.agents.command import CommandAgent
from server.agents.protocol import Agent, AgentSpec, Manner


def _program(module_file: str | None, *arguments: str) -> tuple[str, ...]:
    # By file and isolated: neither the worktree nor PYTHON* variables decide what is imported.
    assert module_file
    return (sys.executable, "-I", module_file, *arguments)


def _ruff(name: str, job: str, description: str) -> AgentSpec:
    return AgentSpec(
        name=name,
        family="command",
        argv=_program(maintenance.__file__, job),
        version_argv=(maintenance.ruff(), "--version"),
        built_in=True,
        kinds=("maintenance",),
        description=description,
    )


BUILT_IN: tuple[AgentSpec, ...] = (
    AgentSpec(
        name="demo",
        family="acp",
        argv=_program(demo.__file__),
        version_argv=_program(demo.__file__, "--version"),
        asking=Manner(),
        built_in=True,
        description="No model: follows directives in the brief, applies suggestions, or writes missing docstrings.",
    ),
    _ruff("ruff-fix", "fix", "No model: applies ruff's safe fixes and lists what is left for a person."),
    _ruff("ruff-imports", "imports", "No model: sorts the imports of Python files with ruff."),
    _ruff("ruff-format", "format", "No model: formats Python files with ruff."),
)


def make(spec: AgentSpec) -> Agent:
    """The agent that `spec` describes."""
    match spec.family:
        case "acp":
            return AcpAgent(spec)
        case "command":
            return CommandAgent(spec)
        case _:
            assert_never(spec.family)
