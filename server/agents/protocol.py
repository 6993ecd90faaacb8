"""What Narrows asks of an agent, and what an agent may ask of Narrows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Family = Literal["command", "acp"]
State = Literal["succeeded", "failed", "timed_out", "stopped"]
Stdin = bytes | Path | Literal["pipe"] | None


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as data: how it is started and spoken to.

    `env` is added to the chosen environment; a value `$NAME` is taken from the server's own. `mode` is the ACP
    session mode to set, None for the agent's own. `kinds` are the kinds of task that it suits; empty: all.
    `version_argv` prints its version; empty: `argv[0] --version`.
    """

    name: str
    family: Family
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mode: str | None = None
    version_argv: tuple[str, ...] = ()
    built_in: bool = False
    kinds: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request to an agent.

    `folder` is the run folder: `prompt.md`, `transcript.log`, `report.md` and `stderr.log` live there. `env` is the
    whole environment. `session` continues an earlier conversation; where that can't be had, a new one starts with
    `fallback_prompt` (which has to tell the whole story), or with `prompt` if that is empty. `timeout` in seconds.
    """

    prompt: str
    worktree: Path
    folder: Path
    env: Mapping[str, str]
    timeout: float
    session: str | None = None
    fallback_prompt: str = ""

    @property
    def prompt_file(self) -> Path:
        return self.folder / "prompt.md"

    @property
    def transcript_file(self) -> Path:
        return self.folder / "transcript.log"

    @property
    def report_file(self) -> Path:
        return self.folder / "report.md"

    @property
    def errors_file(self) -> Path:
        return self.folder / "stderr.log"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a turn. Whether the work is any good is for the diff and the checks to say.

    `summary` is the agent's last words, `error` a sentence for the person unless it succeeded, `session` what
    continues the conversation, `report` the text of `report.md` if there is one. `usage` is what the agent says
    that it used: tokens by name, and `cost` with `currency`; much of it is missing with most agents, and some count
    from the session's beginning.
    """

    state: State
    summary: str = ""
    session: str | None = None
    error: str = ""
    report: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """One line about what an agent does right now."""

    kind: Literal["text", "tool", "plan", "permission", "notice"]
    text: str


Hear = Callable[[Update], None]
"""Called in the event loop for each update; has to be cheap."""


class ExitLike(Protocol):
    """How a program ended: its exit code (minus the signal, if one ended it), and why."""

    @property
    def code(self) -> int: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def stopped(self) -> bool: ...


class ProcessLike(Protocol):
    """A running program, as far as an agent needs it."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader: ...
    async def wait(self) -> ExitLike:
        """The end of the program and of all that it started; output may be left to read."""
        ...

    async def stop(self, grace: float | None = None) -> ExitLike:
        """Ends the program and all that it started, within `grace` seconds and a little."""
        ...

    def close(self) -> None:
        """Lets go of the streams."""
        ...


class Launch(Protocol):
    """Starts a program so that nothing of it is left when it ends, or when the server does.

    `env` is its whole environment. Standard error goes to a file in `run_folder`. After `timeout` seconds it is
    ended, with `grace` seconds between asking and making. `stdin`: bytes, a file, "pipe", or None for nothing.

    Raises:
        NarrowsError: it can't be started; the message says why.
    """

    async def __call__(
        self,
        *,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        run_folder: Path,
        timeout: float | None = None,
        grace: float = 2.0,
        stdin: Stdin = None,
    ) -> ProcessLike: ...


class Agent(Protocol):
    """One family of agents, bound to one spec."""

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """Lets the agent work in the turn's worktree until it has ended, its time is up, or `stop` is set.

        Its words go to `transcript.log` in the run folder as they come. Never raises for what the agent does.
        """
        ...
