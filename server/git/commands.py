"""The one place that starts git: argv only, a scrubbed environment, a timeout, a bounded number at once."""

from __future__ import annotations

import errno
import itertools
import os
import re
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # a missing git is reported by version(), not by an import

from git import Git
from git.exc import GitCommandNotFound

from server.domain.errors import DiskFull, GitError, NarrowsError
from server.git import children

OLDEST = (2, 39)
AT_ONCE = max(4, os.cpu_count() or 1)
NO_ROOM = (
    *(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
    "couldn't write '",  # a ref's file, which could be made; git does not say why
)
NOTHING: Mapping[str, str] = {}
PATIENCE = 1.0  # seconds that git gets to end by itself when the server stops; it hardly ever needs them
SILENCE = 60.0  # seconds until a git that is talked with is given up

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
            "core.commitGraph=false",
            "core.protectHFS=true",
            "core.protectNTFS=true",
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
SAFE_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_LITERAL_PATHSPECS": "1",
    "LANGUAGE": "en",  # there is no such translation: the system's words, for which git has no exit code, are its own
}

_slots = threading.BoundedSemaphore(AT_ONCE)
_slots_of_user = threading.BoundedSemaphore(AT_ONCE)  # hooks and remotes take their time, and hold up no one else
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
    whole: bool = False,
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
        whole: What was begun of it is better brought to its end: it has all of its time when the server stops.

    Raises:
        GitError: the command ended with another code, or not in time.
    """
    where = [f"--git-dir={git_dir}"]
    if work_tree is not None:
        where += [f"--work-tree={work_tree}", "-C", str(work_tree)]
    private = {"GIT_INDEX_FILE": str(index)} if index is not None else {}
    patience = timeout if whole else PATIENCE
    return execute([*where, *args], input=input, timeout=timeout, ok=ok, env={**private, **env}, patience=patience)


class Talk:
    """A git command that is told what to do step by step, and answers each step with a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._heard = b""
        self._ended: str | None = None

    def say(self, words: str) -> None:
        """Tell it; nothing happens where it has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(os.fsencode(words))
            self._process.stdin.flush()

    def hear(self) -> str:
        """Its next line; empty when it has ended, or is silent for too long."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        until = time.monotonic() + SILENCE
        while b"\n" not in self._heard:
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000) or not (more := os.read(pipe, 4096)):
                return ""
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return os.fsdecode(line)

    def end(self) -> str:
        """Tell it that nothing more comes, and give what it said on its standard error.

        Raises:
            GitError: It does not end.
        """
        if self._ended is None:
            try:
                self._ended = self._process.communicate(timeout=SILENCE)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                raise GitError(f"git did not end within {SILENCE:g} seconds and was stopped.") from None
        return self._ended


@contextmanager
def talk(git_dir: Path, *args: str) -> Iterator[Talk]:
    """Runs a git command that waits for what it is told, for as long as the block lasts. Its standard input ends then,
    and with this process, however that ends: what the command does upon that is what becomes of a step half done.
    """
    global _started
    argv = [*_without_inherited(SAFE_ENVIRONMENT), "git", *SAFE_FLAGS, f"--git-dir={git_dir}", *args]
    _started = next(_count)  # not one of so many at once: it waits for others
    start = _Start(argv, SAFE_ENVIRONMENT, subprocess.PIPE)
    with children.waited_for(start, patience=SILENCE) as process:  # it ends with the block, which is to be carried out
        talking = Talk(process)
        try:
            yield talking
        finally:
            talking.end()


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
    patience: float = PATIENCE,
) -> Output:
    """Runs `git` with the safe flags before `args`. See `run` for the rest."""
    return _execute([*SAFE_FLAGS, *args], input, timeout, ok, {**SAFE_ENVIRONMENT, **env}, _slots, patience)


def as_user(
    folder: Path,
    *args: str,
    input: bytes | None = None,
    timeout: float = 120,
    ok: tuple[int, ...] = (0,),
    env: Mapping[str, str] = NOTHING,
) -> Output:
    """Runs git in the user's own repository as they would: by their configuration, with their hooks and credentials.

    Only for what they asked for and only there: never on a mirror, nor on a tree that an agent had. It asks for no
    password. It may wait for a network, a passphrase or a hook: a server that stops ends it at once. See `run` for the
    rest.
    """
    theirs = ["--no-pager", "-C", str(folder), *args]
    return _execute(theirs, input, timeout, ok, {"GIT_TERMINAL_PROMPT": "0", **env}, _slots_of_user, patience=0.0)


def _execute(
    args: list[str],
    input: bytes | None,
    timeout: float,
    ok: tuple[int, ...],
    ours: Mapping[str, str],
    slots: threading.BoundedSemaphore,
    patience: float,
) -> Output:
    global _started
    argv = [*_without_inherited(ours), "git", *args]
    with slots:
        _started = next(_count)
        code, out, err = _communicate(argv, ours, input, timeout, patience)
    if code not in ok:
        if any(words in err for words in NO_ROOM):
            raise DiskFull(err)
        raise GitError(f"git {_verb(args)} failed (exit code {code}).", stderr=err)
    return Output(code, out, err)


def started() -> int:
    """How many git processes this process has started so far."""
    return _started


@cache
def version() -> tuple[int, ...]:
    """The installed git's version.

    Raises:
        NarrowsError: there is no git, or one that is too old for `merge-tree --stdin`.
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


def setting_of(repository: Path, name: str, *how: str) -> str:
    """What git's configuration says for the repository at that folder; empty where it says nothing.

    Args:
        how: As `git config` reads it: `--type=bool`, `--type=path`.

    Raises:
        GitError: It can't be read.
    """
    listed = discover(repository, "config", "-z", "--show-scope", *how, "--get-all", name, ok=(0, 1)).fields()
    values = zip(listed[::2], listed[1::2], strict=True)
    theirs = [value for scope, value in values if scope != "command"]  # that would be one of our safe flags
    return theirs[-1] if theirs else ""


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
    argv: list[str], env: Mapping[str, str], input: bytes | None, timeout: float, patience: float
) -> tuple[int, bytes, str]:
    """Runs `argv` in a session of its own, so that Ctrl-C in the server's terminal does not cut git in two."""
    start = _Start(argv, env, subprocess.DEVNULL if input is None else subprocess.PIPE)
    try:
        with children.waited_for(start, patience) as process:
            out, err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired:
        raise GitError(
            f"git took longer than {timeout:g} seconds and was stopped.", "Try again when the machine is less busy."
        ) from None
    return process.returncode, out, err.decode(errors="replace")


@dataclass(slots=True)
class _Start:
    """Starts git. GitPython's handle ends the process as soon as nobody holds the handle any more: this does."""

    argv: list[str]
    env: Mapping[str, str]
    stdin: int
    _handle: Git.AutoInterrupt | None = None

    def __call__(self, besides: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self._handle = Git(tempfile.gettempdir()).execute(
            self.argv, as_process=True, istream=self.stdin, env={**self.env, **besides}, start_new_session=True
        )
        return cast("subprocess.Popen[bytes]", self._handle.proc)


def _verb(args: list[str]) -> str:
    """The command's own name, for a message: what comes before it starts with a dash or is `-C`'s folder."""
    rest = iter(args)
    for word in rest:
        if word in ("-C", "-c"):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return "command"
