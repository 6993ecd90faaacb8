"""What Narrows asks of an agent, and what an agent may ask of Narrows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from server.domain.trouble import Trouble

Family = Literal["command", "acp"]
State = Literal["succeeded", "failed", "timed_out", "stopped"]
Stdin = bytes | Path | Literal["pipe"] | None
Format = Literal["text", "claude", "codex", "cursor", "pi"]
Span = Literal["turn", "session"]


class Quirk(StrEnum):
    """A way in which an agent differs from what is written; each is used in exactly one place."""

    INPUT_HOLDS_CACHE = "input_holds_cache"  # counts what came from the cache among its input tokens
    YOUNG_SESSIONS_BREAK = "young_sessions_break"  # a session loaded in its first minute is erased


@dataclass(frozen=True, slots=True)
class Manner:
    """What to add to an agent's start to have it behave in one way.

    `argv` goes where the spec's argv says `{flags}`, `env` to its environment; `files` are written for each turn, since
    agents write into theirs, and the variables of these names get their paths. `mode` is an ACP session's mode, `meta`
    its `_meta`.
    """

    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    mode: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as data: how it is started, spoken to and understood.

    Attributes:
        name: What tasks call it.
        family: "acp" speaks the Agent Client Protocol; "command" is run once a turn.
        argv: The program and its arguments. `{flags}` is replaced by what the manners add; in the command family
            `{prompt}`, `{prompt_file}` and `{session}` by those of the turn. Without `{prompt}` and `{prompt_file}` the
            prompt is its standard input.
        env: Added to the chosen environment; a value `$NAME` is taken from the server's own.
        defaults: The same for names of which the server's environment says nothing.
        passes: Names of the server's environment that it gets too; `*` stands for any letters.
        format: How the output of a command is read.
        resume: Command family: the argv that continues `{session}`; empty: each turn stands alone.
        free: The manner in which it asks nothing.
        confined: The same inside Narrows' sandbox, where one of its own would be in the way; None: like `free`.
        asking: The manner in which it asks before it edits or executes; None: it can't ask.
        users_settings: The manner in which it loads nothing that the repository configures for it.
        all_settings: The manner in which it does.
        usage_argv: Prints what the session `{session}` used, where it doesn't say so itself.
        tokens, cost: Whether what it reports counts from the turn's or the session's beginning; None: it reports none.
        quirks: Where it differs.
        way: How this spec drives an agent that can be driven in several ways.
        needs: Programs that it needs beside its own, by the name of the variable that gets their paths.
        oldest: The oldest version that is known to work; empty: any.
        install: What to do where it is missing or too old, as a sentence.
        login_env, login_files: What tells that it is logged in: a variable, or a file in the home folder.
        keeps: Its configuration and caches, which it may write when it is confined; `~` is the home folder.
        confines_itself: The name of its own sandbox.
        gives_up: Seconds after which a failing model is reported at the latest.
        retrying: A pattern of what its standard error says when it tries a failing model again.
        failing: A pattern of its last words where it ends normally although its model failed.
        errors_to: The variable that names a file for what it would say on standard error, where it says nothing there.
        greeting: The `_meta` of our capabilities, for what it tells only to those who ask for it.
        loads_anyway: Files of the repository that run code in it whatever the flags for the user's settings say.
        proven: Whether this table's entry was tried with the real program.
        version_argv: Prints its version; empty: `argv[0] --version`.
        kinds: The kinds of task that it suits; empty: all.
    """

    name: str
    family: Family
    argv: tuple[str, ...]
    title: str = ""
    description: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    passes: tuple[str, ...] = ()
    format: Format = "text"
    resume: tuple[str, ...] = ()
    free: Manner = Manner()
    confined: Manner | None = None
    asking: Manner | None = None
    users_settings: Manner = Manner()
    all_settings: Manner = Manner()
    usage_argv: tuple[str, ...] = ()
    tokens: Span | None = None
    cost: Span | None = None
    quirks: frozenset[Quirk] = frozenset()
    way: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)
    oldest: str = ""
    install: str = ""
    login_env: tuple[str, ...] = ()
    login_files: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    confines_itself: str = ""
    gives_up: float | None = None
    retrying: str = ""
    failing: str = ""
    errors_to: str = ""
    greeting: Mapping[str, Any] = field(default_factory=dict)
    loads_anyway: tuple[str, ...] = ()
    proven: bool = True
    version_argv: tuple[str, ...] = ()
    built_in: bool = False
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What an agent asks to be allowed: the kind of tool, its title for it, the command or paths that it names."""

    tool: str
    title: str
    detail: str = ""


class Unanswered(Exception):
    """Nobody answered a wish for as long as the run may wait."""


Ask = Callable[[Wish], Awaitable[bool]]
"""Puts a wish to the person and waits for the answer. Raises: Unanswered."""


Meet = Callable[[str], None]
"""Called in the event loop with the session's name as soon as it is known: by it the conversation outlives a crash."""


async def refuse(_wish: Wish) -> bool:
    """The answer where nobody can be asked."""
    return False


@dataclass(frozen=True, slots=True)
class Turn:
    """One request to an agent.

    `folder` is the run folder, with `prompt.md`, `transcript.jsonl`, `stream.jsonl`, `report.md` and `stderr.log`.
    `env` is the whole environment. `session` continues an earlier conversation, which began at `session_began`; where
    that can't be had, a new one starts with `fallback_prompt` (which has to tell the whole story), or with `prompt` if
    that is empty. `timeout` in seconds. `permissions` says by kind of tool "allow" (within the worktree), "ask" or
    "deny", and "allow" where it says nothing. `repository_config`: whether the agent may load what the repository
    configures for it. `confined`: whether `launch` puts it into a sandbox.
    """

    prompt: str
    worktree: Path
    folder: Path
    env: Mapping[str, str]
    timeout: float
    session: str | None = None
    fallback_prompt: str = ""
    session_began: datetime | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    repository_config: bool = True
    confined: bool = False
    ask: Ask = refuse
    meet: Meet = lambda _session: None

    @property
    def asks(self) -> bool:
        """Whether the agent has to ask before some of what it does."""
        return any(permission != "allow" for permission in self.permissions.values())

    @property
    def prompt_file(self) -> Path:
        return self.folder / "prompt.md"

    @property
    def transcript_file(self) -> Path:
        return self.folder / "transcript.jsonl"

    @property
    def stream_file(self) -> Path:
        """Every line that was exchanged with the agent, as it was."""
        return self.folder / "stream.jsonl"

    @property
    def report_file(self) -> Path:
        return self.folder / "report.md"

    @property
    def errors_file(self) -> Path:
        return self.folder / "stderr.log"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a turn. Whether the work is any good is for the diff and the checks to say.

    `summary` is the agent's last words, `error` a sentence for the person unless it succeeded, `trouble` its name where
    it has one, `resets_at` when a limit is lifted. `session` continues the conversation; `continued` says whether the
    earlier one was (None: there was none). `report` is the text of `report.md` if there is one. `usage` is what the
    agent says that it used, by these names: input, output, cache_read, cache_write, reasoning (tokens; `input` without
    what came from the cache), cost and currency; as far as it says it, counting from where its spec says.
    """

    state: State
    summary: str = ""
    session: str | None = None
    error: str = ""
    report: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    trouble: Trouble | None = None
    resets_at: datetime | None = None
    continued: bool | None = None


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

    `env` is its whole environment. Standard error goes to a file in `run_folder`, and line by line to `on_error`. After
    `timeout` seconds it is ended, with `grace` seconds between asking and making. `stdin`: bytes, a file, "pipe", or
    None for nothing.

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
        on_error: Callable[[str], None] | None = None,
    ) -> ProcessLike: ...


class Agent(Protocol):
    """One family of agents, bound to one spec."""

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """Lets the agent work in the turn's worktree until it has ended, its time is up, or `stop` is set.

        What it says and does goes to the transcript in the run folder as it comes. Never raises for what it does.
        """
        ...
