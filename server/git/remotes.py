"""A branch of one of the user's remotes: asked where it is, brought into the mirror, moved by a push that compares.

git runs in the user's repository as they would run it themselves, with their configuration, ssh agent and credential
helpers. Nobody is there to be asked for a password, so git never asks. Reading leaves every ref of the repository as it
is; a push moves the remote-tracking branch, as any push does.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.git import mirrors
from server.git.commands import Output, as_user, discover, run
from server.git.inspection import common_dir
from server.git.mirrors import TargetGone
from server.git.moves import LostRace, bring_objects, complete

ANSWER_SECONDS = 30
TRANSFER_SECONDS = 600
MOST_WORDS = 600
MOST_TRIES = 5

# `ext` and helpers for other schemes start programs that an address names.
PROTOCOLS = "file:git:http:https:ssh"
NEVER_ASK = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "SSH_ASKPASS_REQUIRE": "force",
    "GCM_INTERACTIVE": "never",
}
# How the user reaches remotes; other GIT_* variables could lead to another repository.
CONNECTING = (
    *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_PROXY_COMMAND", "GIT_HTTP_PROXY_AUTHMETHOD"),
    *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
)
NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
NO_UPKEEP = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.fsmonitor=false")
BOILERPLATE = re.compile(
    r"To |hint: |error: failed to push some refs|Everything up-to-date|"
    r"Please make sure you have the correct access rights|and the repository exists"
)


class Unreachable(NarrowsError):
    """The remote did not answer, or did not let the user in."""

    status = 503
    code = "unreachable"

    def __init__(self, remote: str, words: str, hint: str = "") -> None:
        works = f"Nothing was changed. See that `git fetch {remote}` works in a terminal and asks for nothing; "
        super().__init__(f"{remote} can't be reached: {words}", hint or f"{works}then try again.")


class RemoteRefused(NarrowsError):
    """The remote, or the user's own pre-push hook, does not let the branch move so; the message has their words."""

    status = 409
    code = "remote_refused"

    def __init__(self, remote: str, branch: str, words: str) -> None:
        super().__init__(
            f"The push to {branch} of {remote} was refused: {words}",
            "Nothing was changed there. If the branch is protected, let the project open pull requests instead.",
        )


def names(source: Path) -> list[str]:
    """The remotes that the user's repository has, in git's order."""
    return discover(source, "remote").text.splitlines()


def address(source: Path, remote: str) -> str:
    """Where a push to the remote goes; empty when there is no such remote.

    Raises:
        NarrowsError: it goes to several places, which can't be compared and moved as one.
    """
    return _address(source, remote, "--push")


def _address(source: Path, remote: str, *which: str) -> str:
    asked = discover(source, "remote", "get-url", *which, "--all", "--end-of-options", remote, ok=(0, 2, 128))
    found = asked.text.splitlines() if not asked.code else []
    if which and len(found) > 1:
        raise NarrowsError(
            f"The remote {remote} pushes to {len(found)} places.", "Name a remote that has one address for pushes."
        )
    return found[0] if found else ""


def tip(source: Path, remote: str, branch: str) -> str | None:
    """The commit that the remote's branch is at right now; None when it has no such branch.

    Raises:
        Unreachable: it can't be asked.
    """
    ref = f"refs/heads/{branch}"
    asked = _ask(source, remote, "ls-remote", "--end-of-options", _read_from(source, remote), ref)
    for line in asked.text.splitlines():
        commit, _, name = line.partition("\t")
        if name == ref:
            return commit
    return None


def last_seen(source: Path, remote: str, branch: str) -> str | None:
    """Where the user's repository last saw the remote's branch: by their own fetch, or by a push."""
    return mirrors.resolve(common_dir(source), f"refs/remotes/{remote}/{branch}")


def known(source: Path, mirror: Path, remote: str, branch: str) -> str | None:
    """The commit that the branch was last seen at, by Narrows or by a fetch of the user's own, brought into the mirror.
    No remote is asked. None: it was never seen.
    """
    here, seen = mirrors.resolve(mirror, f"refs/heads/{branch}"), last_seen(source, remote, branch)
    if seen is None or seen == here:
        return here
    if here is not None:
        order = ("merge-base", "--is-ancestor", "--end-of-options", here, seen)
        if run(common_dir(source), *order, ok=(0, 1, 128)).code:
            return here
    return mirrors.bring(source, mirror, seen, branch)


def _read_from(source: Path, remote: str) -> str:
    """The remote itself, unless its pushes go elsewhere: then what is compared must be read there, too."""
    pushed = address(source, remote)
    return remote if pushed == _address(source, remote) else pushed


def fetch(source: Path, mirror: Path, remote: str, branch: str) -> str:
    """Brings the remote's branch to `refs/heads/<branch>` of the mirror, wherever that was, and gives its commit.

    Raises:
        Unreachable: the remote can't be asked; the mirror is as it was.
        TargetGone: the remote has no such branch.
        NarrowsError: the user's repository can't be used any more.
    """
    for _ in range(MOST_TRIES):
        commit = tip(source, remote, branch)
        if commit is None:
            raise TargetGone(branch, remote)
        if mirrors.resolve(mirror, f"refs/heads/{branch}") == commit:
            return commit
        git_dir = common_dir(source)
        if not complete(git_dir, commit):
            _download(source, remote, branch)
        if mirrors.resolve(git_dir, commit) is not None:  # else it was moved, and not forward, just now
            return mirrors.bring(source, mirror, commit, branch)
    raise NarrowsError(f"{branch} on {remote} moves all the time.", "Try again in a moment.")


def _download(source: Path, remote: str, branch: str) -> None:
    """Brings the branch's objects into the user's repository, as their own fetch would, and no ref.

    Not even the remote-tracking branch moves: who pushes with a plain `--force-with-lease` relies on it being where
    their own last fetch left it.
    """
    _ask(
        source,
        remote,
        *("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-prune", "--no-prune-tags", "--no-filter"),
        *("--no-auto-maintenance", "--no-recurse-submodules", "--no-write-commit-graph", "--refmap="),
        *("--end-of-options", _read_from(source, remote), f"refs/heads/{branch}"),
        timeout=TRANSFER_SECONDS,
    )


def push(
    source: Path, mirror: Path, remote: str, branch: str, old: str | None, new: str, *, hooks: bool = False
) -> None:
    """Moves the remote's branch from `old` to `new`, forward or back, when it still is at `old`.

    Never a plain force: the remote itself compares, with exactly `old`. Calling it again after an interruption
    finishes the work; a branch that is at `new` already is done.

    Args:
        old: None: there must be no such branch yet.
        hooks: Whether the user's pre-push hook runs.

    Raises:
        LostRace: the branch is at another commit; nothing changed.
        RemoteRefused: the remote, or the pre-push hook, does not allow it; nothing changed.
        Unreachable: the remote can't be reached, or the connection broke: the branch is at `old` or at `new`.
    """
    mirrors.guard(mirror)
    bring_objects(common_dir(source), mirror, new)
    said = _push(source, remote, branch, old, new, hooks)
    if said is None:
        return
    try:
        current = tip(source, remote, branch)
    except Unreachable as error:
        hint = (
            f"See that `git fetch {remote}` works in a terminal and asks for nothing, then try again. "
            f"If the connection broke during the push, {branch} may have moved there."
        )
        raise Unreachable(remote, said, hint) from error
    if current == new:
        return
    if current != old:
        raise LostRace(branch, current)
    raise RemoteRefused(remote, branch, said)


def _push(source: Path, remote: str, branch: str, old: str | None, new: str, hooks: bool) -> str | None:
    """None when it has arrived; otherwise why not, in the words of whoever refused."""
    ref = f"refs/heads/{branch}"
    try:
        done = _run(
            source,
            *("push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no"),
            *(f"--force-with-lease={ref}:{old or ''}", "--end-of-options", remote, f"{new}:{ref}"),
            hooks=hooks,
            timeout=TRANSFER_SECONDS,
        )
    except GitError as error:  # in time it was not, but it may have arrived
        return error.message
    return None if done.code == 0 else _refusal(done)


def _refusal(done: Output) -> str:
    """The remote's own words, and the reason that git gives."""
    lines = done.err.splitlines()
    said = [line.removeprefix("remote:") for line in lines if line.startswith("remote:")]
    reason = re.search(r"^!\t[^\t]*\t\[[^\]]*\] \((.*)\)$", os.fsdecode(done.out), re.MULTILINE)
    words = _words(said or lines)
    return f"{words.rstrip('.')} ({reason[1]})." if words and reason else words or f"{reason[1] if reason else '-'}."


def _ask(source: Path, remote: str, *args: str, timeout: float | None = None) -> Output:
    try:
        done = _run(source, *args, timeout=timeout or ANSWER_SECONDS)
    except GitError as error:
        raise Unreachable(remote, error.message) from error
    if done.code:
        raise Unreachable(remote, _words(done.err.splitlines()) or f"git ended with {done.code}.")
    return done


def _run(source: Path, *args: str, timeout: float, hooks: bool = False) -> Output:
    """Any exit code is an answer."""
    inherited = {name: os.environ[name] for name in CONNECTING if name in os.environ}
    flags = (*NO_UPKEEP, *(() if hooks else NO_HOOKS))
    env = {**inherited, **NEVER_ASK, "GIT_ALLOW_PROTOCOL": PROTOCOLS}
    return as_user(source, *flags, *args, timeout=timeout, ok=tuple(range(256)), env=env)


def _words(lines: list[str]) -> str:
    """Lines of somebody else's program as one sentence that can be shown."""
    shown = ("".join(c if c.isprintable() else " " for c in line) for line in lines if not BOILERPLATE.match(line))
    joined = " ".join(dict.fromkeys(" ".join(line.split()) for line in shown if line.strip()))
    short = joined if len(joined) <= MOST_WORDS else f"{joined[:MOST_WORDS]}…"
    return short if not short or short.endswith((".", "…", "!", "?")) else f"{short}."
