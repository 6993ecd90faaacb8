"""A worktree between its preparation and its end: where its agent's HEAD is, whether checks left it as it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from server.git import contents
from server.git.commands import run
from server.git.mirrors import guard
from server.git.places import erase, place
from server.git.worktrees import settle


def head(mirror: Path, tree: Path) -> str | None:
    """The commit that the agent's own HEAD is at; None when there is none, or the agent broke it."""
    guard(mirror)
    where = place(mirror, tree)
    return where.head() if where.prepared else None


def intact(mirror: Path, tree: Path, commit: str) -> bool:
    """Whether the tree still has HEAD at `commit` and every tracked file as that commit has it."""
    guard(mirror)
    where = place(mirror, tree)
    if where.head() != commit:
        return False
    contents.expect_tree(where)
    with contents.honest_index(where) as index:
        prepared = run(mirror, "diff-index", "--cached", "--quiet", commit, "--", index=index, ok=(0, 1))
        return prepared.code == 0 and not contents.edited(where, index)


def content(mirror: Path, tree: Path, exclude: Sequence[str] = (), most: int | None = contents.LARGEST) -> str:
    """The id of the tree object of all that stands in the worktree now; see `server.git.contents.write`.

    Raises:
        NotFound: it was never prepared, or its folder is gone.
        TooLarge: it is more than a revision can hold.
        GitError: a file can't be read.
    """
    guard(mirror)
    return contents.write(place(mirror, tree), exclude, most=most)


def rewind(mirror: Path, tree: Path, commit: str, exclude: Sequence[str] = ()) -> None:
    """Bring the files back to those of `commit`: tracked ones as it has them, untracked ones away.

    Ignored files and those that match a pattern of `exclude` stay (installed packages, caches), and so does HEAD.
    """
    guard(mirror)
    where = place(mirror, tree)
    contents.expect_tree(where)
    if not where.sealed:
        contents.distrust(where, where.index)
    run(mirror, "read-tree", "--reset", "-u", "--end-of-options", commit, work_tree=tree, index=where.index)
    settle(where)
    for name in contents.untracked(where, where.index, exclude):
        erase(tree / name.rstrip("/"))
