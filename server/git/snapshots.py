"""The result of an agent's turn as one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.git import contents
from server.git.commands import Person
from server.git.mirrors import guard
from server.git.objects import commit, tree_of, with_trailers
from server.git.places import place


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A revision's commit, its tree, the commit that it stands on, and the agent's own HEAD, to be held beside it."""

    commit: str
    tree: str
    base: str
    head: str


def take(
    mirror: Path,
    tree: Path,
    *,
    base: str,
    message: str,
    author: Person,
    exclude: Sequence[str] = (),
    trailers: Sequence[str] = (),
    date: datetime | None = None,
) -> Snapshot | None:
    """Stores everything in the worktree as one commit on `base`; the worktree stays as it is.

    What is taken: see `server.git.contents.write`; `exclude` are the patterns of files that were only brought there.

    Args:
        base: The commit that the change is compared with.
        trailers: Lines for the end of the message.
        date: When it was written; now when None.

    Returns:
        None when there is nothing that differs from `base`.

    Raises:
        TooLarge: it is more than a revision can hold.
        GitError: a file can't be read; the sentence names it.
        NotFound: the tree was never prepared.
    """
    guard(mirror)
    where = place(mirror, tree)
    found = contents.write(where, exclude, most=contents.LARGEST)
    if found == tree_of(mirror, base):
        return None
    made = commit(mirror, found, [base], with_trailers(message, trailers), author, author, date)
    return Snapshot(made, found, base, where.head() or base)
