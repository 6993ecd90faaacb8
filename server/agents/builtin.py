"""The agents that come with Narrows, and how any agent is made and found."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from server.agents import demo, maintenance
from server.agents.acp import AcpAgent
from server.agents.command import CommandAgent
from server.agents.environment import environment
from server.agents.protocol import Agent, AgentSpec
from server.agents.turns import one_line

VERSION_PATIENCE = 5.0  # seconds


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
        built_in=True,
        description="No model: follows directives in the brief, applies suggestions, or writes missing docstrings.",
    ),
    _ruff("ruff-fix", "fix", "No model: applies ruff's safe fixes and lists what is left for a person."),
    _ruff("ruff-imports", "imports", "No model: sorts the imports of Python files with ruff."),
    _ruff("ruff-format", "format", "No model: formats Python files with ruff."),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where an agent's program is, None when it is not there; its version in its own words, if it told."""

    path: str | None
    version: str | None = None


def make(spec: AgentSpec) -> Agent:
    """The agent that `spec` describes."""
    match spec.family:
        case "acp":
            return AcpAgent(spec)
        case "command":
            return CommandAgent(spec)
        case _:
            assert_never(spec.family)


def find(spec: AgentSpec, env: Mapping[str, str] | None = None) -> Found:
    """Looks for the agent's program, and asks it for its version; takes five seconds at most.

    `env` is the environment that it is asked in; a chosen part of the server's own by default.
    """
    chosen = dict(env) if env is not None else environment(home=Path.home(), extra=spec.env)
    path = shutil.which(spec.argv[0], path=chosen.get("PATH"))
    if path is None:
        return Found(None)
    return Found(path, _version(spec.version_argv or (path, "--version"), chosen))


def _version(argv: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    # Into a file: a child that it leaves behind could hold a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env=env,
                cwd=tempfile.gettempdir(),
                start_new_session=True,
            )
        except OSError:
            return None
        with process:
            code = _wait(process)
        output.seek(0)
        first = output.read(1024).decode("utf-8", "replace").strip().partition("\n")[0]
    return one_line(first, limit=80) or None if code == 0 else None


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(VERSION_PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
