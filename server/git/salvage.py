"""What stands in a worktree and nowhere else, as commits that refs can hold; and the way back to files."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.git import contents, objects
from server.git.commands import Person, run
from server.git.mirrors import guard
from server.git.places import Place, is_folder, place
from server.git.worktrees import is_kept, is_reached

# Folders that tools make again from what is in the tree. Of other ignored files nobody can tell, so they are kept.
MADE_AGAIN = frozenset(
    {
        *("node_modules", "bower_components", ".next", ".nuxt", ".parcel-cache", ".turbo"),
        *(".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox", ".nox", ".eggs"),
        *(".gradle", ".bundle", ".terraform", ".dart_tool", ".stack-work", ".ccls-cache", ".direnv"),
    }
)
LARGEST = 16_000_000  # bytes of one ignored file, or folder of them, that is still kept
MOST_FILES = 2_000  # in such a folder
LARGEST_IN_ALL = 64_000_000


@dataclass(frozen=True, slots=True)
class Salvage:
    """`commit`: all files but ignored ones, on top of the agent's own HEAD. `ignored`: the same with the ignored ones,
    on top of it; None where there are none. `left_out`: ignored files and folders that are not kept, sorted.
    """

    commit: str
    ignored: str | None
    left_out: tuple[str, ...]


def take(
    mirror: Path, tree: Path, *, author: Person, exclude: Sequence[str] = (), ignored: bool = True
) -> Salvage | None:
    """Stores what would be lost with a worktree, which stays as it is. Nobody may be at work there.

    Args:
        exclude: Patterns of files that were only brought there, which are never kept: the user has them.
        ignored: Whether files that git ignores count: all but what tools make again, and what is large.

    Returns:
        None where nothing would be lost: everything is in the commit that the tree was made from, or is held below
        refs/narrows/.

    Raises:
        GitError: a file can't be read; the sentence names it.
        NotFound: the folder is there, and is no worktree.
    """
    guard(mirror)
    where = place(mirror, tree)
    if not where.prepared and not os.path.lexists(tree):
        return None
    objects.adopt(where)
    names, left_out = _ignored(where, exclude) if ignored and is_folder(tree) else ([], [])
    head, start = where.head(), where.prepared_commit() if where.prepared else ""
    content = contents.write(where, exclude) if os.path.lexists(tree) else objects.tree_of(mirror, head or start)
    whole = contents.write(where, exclude, also=names) if names else content
    base = head or start
    if is_kept(mirror, whole, start) and (base == start or is_reached(mirror, base)):
        return None
    commit = base
    if content != objects.tree_of(mirror, base):
        commit = objects.commit(mirror, content, [base], "Left in a worktree.", author, author)
    if not names:
        return Salvage(commit, None, tuple(left_out))
    beside = objects.commit(mirror, whole, [commit], "Left in a worktree, with ignored files.", author, author)
    return Salvage(commit, beside, tuple(left_out))


def _ignored(where: Place, exclude: Sequence[str]) -> tuple[list[str], list[str]]:
    """The ignored files to keep, and the ignored files and folders that are left out."""
    contents.expect_tree(where)
    listed = _list(where, "--exclude-standard")
    brought = set(_list(where, *(f"--exclude={pattern}" for pattern in exclude))) if exclude and listed else set()
    kept: list[str] = []
    left_out: list[str] = []
    room = LARGEST_IN_ALL
    for name in listed:
        if name in brought:
            continue
        found = _measured(where.tree, name, min(room, LARGEST))
        if found is None:
            left_out.append(name)
            continue
        room -= found.size
        kept += [file for file in found.files if file not in brought]
    return kept, sorted(left_out)


def _list(where: Place, *patterns: str) -> list[str]:
    """Untracked files that the patterns ignore; a folder in which everything is ignored is one entry, with a slash."""
    command = ("ls-files", "-z", "--others", "--ignored", "--directory", *patterns)
    return run(where.mirror, *command, work_tree=where.tree, index=where.index).fields()


@dataclass(slots=True)
class _Measured:
    files: list[str]
    size: int


def _measured(tree: Path, name: str, room: int) -> _Measured | None:
    """The files of an entry; None where they are made again by tools, or are too many or too large."""
    if name.endswith("/") and name.rstrip("/").rpartition("/")[2] in MADE_AGAIN:
        return None
    found = _Measured([], 0)
    for file, size in _files(tree, name.rstrip("/")):
        found.files.append(file)
        found.size += size
        if found.size > room or len(found.files) > MOST_FILES:
            return None
    return found


def _files(tree: Path, name: str) -> Iterator[tuple[str, int]]:
    """Files and links at or below `name` with their sizes."""
    try:
        about = (tree / name).lstat()
        inside = sorted(entry.name for entry in (tree / name).iterdir()) if stat.S_ISDIR(about.st_mode) else []
    except OSError as error:
        raise GitError(f"The worktree's {name!r} can't be read.", "Give it back its rights, then try again.") from error
    if stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode):
        yield name, about.st_size
    for entry in inside:
        if entry != ".git" and entry not in MADE_AGAIN:
            yield from _files(tree, f"{name}/{entry}")


def write_out(mirror: Path, commit: str, folder: Path) -> None:
    """Writes all files of a commit to a folder that is not there yet, or is empty; it is whole or not there.

    Raises:
        NarrowsError: something is in the folder, or it can't be written.
    """
    guard(mirror)
    try:
        if os.path.lexists(folder) and (not is_folder(folder) or any(folder.iterdir())):
            raise NarrowsError(
                f"{folder} is not empty.", "Name a folder that is not there yet: nothing is overwritten."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as passing:
            made = Path(passing) / "files"
            made.mkdir()
            index = Path(passing) / "index"
            run(
                mirror,
                *("read-tree", "--reset", "-u", "--end-of-options", commit),
                work_tree=made,
                index=index,
                timeout=1800,
            )
            made.rename(folder)  # refused where something came to be there meanwhile
    except OSError as error:
        raise NarrowsError(f"{folder} can't be written: {error.strerror}.", "Name another folder.") from error


def size(mirror: Path, refs: Sequence[str]) -> int:
    """Bytes of the mirror's objects, compressed, that only these refs hold. Roughly: packed ones share.

    Args:
        refs: Names of refs, or, with a slash at the end, of folders of refs.
    """
    named = run(mirror, "for-each-ref", "--format=%(refname)", *refs).text.splitlines() if refs else []
    if not named:
        return 0
    excluded = [f"--exclude={ref}*" if ref.endswith("/") else f"--exclude={ref}" for ref in refs]
    command = ("rev-list", "--objects", "--disk-usage", *named, "--not", *excluded, "--all")
    with suppress(ValueError):
        return int(run(mirror, *command, timeout=600).text)
    return 0
