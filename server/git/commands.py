"""The one place that starts git: argv only, a scrubbed environment, a timeout, a bounded number at once."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a missing git is reported by version(), not by an import

from git import Git
from git.exc import GitCommandNotFound

from server.domain.errors import GitError, NarrowsError

OLDEST = (2, 38)
AT_ONCE = max(4, os.cpu_count() or 1)
NOTHING: Mapping[str, str] = {}

# What a repository's configuration may not decide. A tree that an agent had, and a mirror that it could write to,
# must not make git start a program, so every door that git's configuration opens to one is closed here.
SAFE_FLAGS = (
    "--no-pager",
    "--no-replace-objects",
    "--no-optional-locks",
    *itertools.chain.from_iterable(
        ("-c", setting)
        for setting in (
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.sshCommand=false",
            "core.gitProxy=",
            "core.alternateRefsCommand=true",
            "core.askPass=true",
            "core.editor=true",
            "core.quotePath=true",
            "credential.helper=",
            "commit.gpgSign=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "submodule.recurse=false",
            "diff.ignoreSubmodules=dirty",
            "protocol.allow=never",
            "protocol.file.allow=always",
            "protocol.ext.allow=never",
            "advice.detachedHead=false",
            "i18n.commitEncoding=UTF-8",
        )
    ),
)
SAFE_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file", "GIT_LITERAL_PATHSPECS": "1"}

_slots = threading.BoundedSemaphore(AT_ONCE)
_count = itertools.count(1)
_started = 0


@dataclass(frozen=True, slots=True)
class Output:
    """How a git command ended: its exit code, its standard output to the byte, its standard error as text."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """The output decoded (any byte survives as a surrogate), white space around it stripped."""
        return os.fsdecode(self.out).strip()

    def fields(self) -> list[str]:
        """The output of a `-z` command, cut at its NULs."""
        return [os.fsdecode(part) for part in self.out.split(b"\0")[:-1]]


@dataclass(frozen=True, slots=True)
class Person:
    """Who a commit is by."""

    name: str
    email: str


NOBODY = Person("Narrows", "narrows@localhost")


def run(
    git_dir: Path,
    *args: str,
    work_tree: Path | None = None,
    index: Path | None = None,
    input: bytes | None = None,
    timeout: float = 120,
    ok: tuple[int, ...] = (0,),
    env: Mapping[str, str] = NOTHING,
) -> Output:
    """Runs one git command on a repository named by us and never found by looking around.

    Args:
        git_dir: The repository's git folder (a mirror, a worktree's own folder, a user's `.git`).
        args: The command and its arguments; names that a person or an agent chose come after `--` or
            `--end-of-options`. Pathspecs are literal.
        work_tree: The checkout that the command works on; also its current folder.
        index: The index file to use instead of the repository's own.
        input: What the command reads from its standard input.
        timeout: Seconds after which the command and its children are killed.
        ok: Exit codes that are answers and not failures.
        env: `GIT_*` variables for this command alone.

    Raises:
        GitError: the command ended with another code, or not in time.
    """
    where = [f"--git-dir={git_dir}"]
    if work_tree is not None:
        where += [f"--work-tree={work_tree}", "-C", str(work_tree)]
    private = {"GIT_INDEX_FILE": str(index)} if index is not None else {}
    return execute([*where, *args], input=input, timeout=timeout, ok=ok, env={**private, **env})


def discover(folder: Path, *args: str, ok: tuple[int, ...] = (0,)) -> Output:
    """Runs a reading command in a user's folder, and lets git find the repository around it."""
    return execute(["-C", str(folder), *args], ok=ok)


def execute(
    args: list[str],
    *,
    input: bytes | None = None,
    timeout: float = 120,
    ok: tuple[int, ...] = (0,),
    env: Mapping[str, str] = NOTHING,
) -> Output:
    """Runs `git` with the safe flags before `args`. See `run` for the rest."""
    global _started
    ours = {**SAFE_ENVIRONMENT, **env}
    argv = [*_without_inherited(ours), "git", *SAFE_FLAGS, *args]
    with _slots:
        _started = next(_count)
        code, out, err = _communicate(argv, ours, input, timeout)
    if code not in ok:
        raise GitError(f"git {_verb(args)} failed (exit code {code}).", stderr=err)
    return Output(code, out, err)


def started() -> int:
    """How many git processes this process has started so far."""
    return _started


@cache
def version() -> tuple[int, ...]:
    """The installed git's version.

    Raises:
        NarrowsError: there is no git, or one that is too old for `merge-tree --write-tree`.
    """
    wanted = ".".join(map(str, OLDEST))
    try:
        found = execute(["version"]).text
    except GitCommandNotFound as error:
        raise NarrowsError(
            "git is not installed.", f"Install git {wanted} or newer and start again.", code="git_missing"
        ) from error
    return _new_enough(found)


def _new_enough(words: str) -> tuple[int, ...]:
    match = re.search(r"\d+(?:\.\d+)+", words)
    numbers = tuple(int(number) for number in match.group().split(".")) if match else ()
    if numbers < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise NarrowsError(
            f"This git is too old ({words}).", f"Install git {wanted} or newer and start again.", code="git_too_old"
        )
    return numbers


def identity(repository: Path) -> Person:
    """Who the user is, as git's configuration says it for the repository at that folder.

    Nobody where the folder is gone or can't be read: that must not cost an agent's work.
    """
    found: dict[str, str] = {}
    try:
        listed = discover(repository, "config", "-z", "--get-regexp", r"^(user|author)\.(name|email)$", ok=(0, 1))
    except GitError:
        return NOBODY
    for entry in listed.fields():
        key, _, value = entry.partition("\n")
        found[key] = printable(value)
    name = found.get("author.name") or found.get("user.name")
    email = found.get("author.email") or found.get("user.email")
    return Person(name or NOBODY.name, email or NOBODY.email)


def printable(value: str) -> str:
    """A name without the characters that git strips from it: one that is nothing else would make a commit fail."""
    return re.sub(r"[\x00-\x1f<>]", "", value).strip(" .,:;\"'\\")


def _without_inherited(ours: Mapping[str, str]) -> list[str]:
    """A prefix that takes inherited `GIT_*` variables out.

    GitPython's `env=` only adds to the process's environment, so an inherited GIT_DIR or GIT_CONFIG_* would win
    over what we say. `env -u` removes exactly those; without any, there is no prefix and no cost.
    """
    inherited = [name for name in os.environ if name.startswith("GIT_") and name not in ours]
    inherited = [name for name in inherited if not name.startswith("GIT_PYTHON_")]
    return ["env", *itertools.chain.from_iterable(("-u", name) for name in inherited)] if inherited else []


def _communicate(
    argv: list[str], env: Mapping[str, str], input: bytes | None, timeout: float
) -> tuple[int, bytes, str]:
    """Runs `argv` in a session of its own, so that Ctrl-C in the server's terminal does not cut git in two."""
    handle = Git(tempfile.gettempdir()).execute(
        argv,
        as_process=True,
        istream=subprocess.DEVNULL if input is None else subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    process = cast("subprocess.Popen[bytes]", handle.proc)
    try:
        out, err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise GitError(
            f"git took longer than {timeout:g} seconds and was stopped.", "Try again when the machine is less busy."
        ) from None
    return process.returncode, out, err.decode(errors="replace")


def _verb(args: list[str]) -> str:
    """The command's own name, for a message: what comes before it starts with a dash or is `-C`'s folder."""
    rest = iter(args)
    for word in rest:
        if word in ("-C", "-c"):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return "command"
