"""How much of each file changed between two commits, by the history between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.git.commands import run
from server.git.mirrors import guard

MOST = 2000  # commits, newest first
TIMEOUT = 60
_COUNTING = ("-z", "--numstat", "--no-ext-diff", "--no-textconv", "-M", "--no-show-signature", "--format=")


@dataclass(frozen=True, slots=True)
class Churn:
    """Lines that commits added to a file or took from it, and how many commits did."""

    lines: int
    commits: int


def churn(mirror: Path, since: str, until: str) -> dict[str, Churn]:
    """The files that the commits of `until` changed that `since` has not, by their names in the newest of them.

    A renamed file has what it had under its old name, too. Merges and binary files count for nothing.

    Raises:
        GitError: The mirror has not the commits any more.
        NotFound: There is no mirror.
    """
    guard(mirror)
    command = ("log", f"--max-count={MOST}", *_COUNTING, "--end-of-options", f"{since}..{until}")
    lines: defaultdict[str, int] = defaultdict(int)
    commits: defaultdict[str, int] = defaultdict(int)
    became: dict[str, str] = {}
    for old, path, changed in _counted(run(mirror, *command, timeout=TIMEOUT).fields()):
        name = became.get(path, path)
        if old != path:
            became[old] = name
        lines[name] += changed
        commits[name] += 1
    return {name: Churn(lines[name], commits[name]) for name in lines}


def _counted(fields: list[str]) -> Iterator[tuple[str, str, int]]:
    """A file's name before, its name after, and its changed lines, for each file of each commit, the newest first."""
    coming = iter(fields)
    for entry in coming:
        added, removed, path = entry.split("\t", 2)
        old = path or next(coming)
        new = path or next(coming)
        if added != "-":
            yield old, new, int(added) + int(removed)
