"""An earlier revision brought onto a later one's base, so that the two differ in what was done and not in the base."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.git import attributes
from server.git.commands import NOBODY, run
from server.git.merges import EPOCH, merge_tree
from server.git.mirrors import guard
from server.git.objects import commit

TIMEOUT = 600
THEIRS = "3"  # git's number for the side that is brought onto the other

# A folder that the base renamed takes nothing along that the revision put into the old one: where it belongs is not
# for git to guess, and a guess would be a conflict.
SETTINGS = ("-c", "merge.directoryRenames=false")


@dataclass(frozen=True, slots=True)
class Rebased:
    """A tree, and a commit of it that a ref can hold; None where the tree is the revision's own.

    `blurred` are the files in which the revision and what the base brought can't be told apart: they are as the
    revision had them. Sorted.
    """

    tree: str
    commit: str | None = None
    blurred: tuple[str, ...] = ()


def onto(mirror: Path, *, base_tree: str, tree: str, new_base_tree: str) -> Rebased:
    """What `tree` would be, had it been made on `new_base_tree` and not on `base_tree`.

    The same trees always give the same answer. Nothing is asked of git where both bases are the same.

    Raises:
        GitError: one of the trees is not in the mirror.
    """
    if base_tree == new_base_tree:
        return Rebased(tree)
    guard(mirror)
    base = _commit(mirror, base_tree, [])
    ours, theirs = (_commit(mirror, side, [base]) for side in (new_base_tree, tree))
    by = attributes.of(mirror, new_base_tree)
    merged = merge_tree(mirror, by, "--no-messages", "--end-of-options", ours, theirs, settings=SETTINGS)
    result, *conflicts = merged.fields()
    blurred: dict[str, str | None] = {}
    if merged.code:
        blurred = _in_conflict(conflicts, _names(mirror, tree))
        result = _settle(mirror, result, blurred)
    return Rebased(result, _commit(mirror, result, []), tuple(sorted(blurred)))


def _commit(mirror: Path, tree: str, parents: list[str]) -> str:
    return commit(mirror, tree, parents, "compared", NOBODY, NOBODY, EPOCH)


def _in_conflict(fields: Iterable[str], own: set[str]) -> dict[str, str | None]:
    """Each file's `mode oid` in the revision, or None where it has none, from `mode oid stage<TAB>name` fields."""
    found: dict[str, str | None] = {}
    for field in filter(None, fields):
        about, name = field.split("\t", 1)
        mode, oid, stage = about.split()
        if name not in own and _own_name(name) in own:
            found[name] = None
            name = _own_name(name)
        found[name] = f"{mode} {oid}" if stage == THEIRS else found.get(name)
    return found


def _own_name(name: str) -> str:
    """`a` of `a~1234`: so git calls a file whose name something else wants, such as a folder or a link."""
    return name.rpartition("~")[0]


def _settle(mirror: Path, merged: str, files: Mapping[str, str | None]) -> str:
    """`merged` with these files in it, or without those that are None."""
    gone = f"0 {'0' * len(merged)}"
    said = b"".join(os.fsencode(f"{entry or gone}\t{name}") + b"\0" for name, entry in files.items())
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        run(mirror, "read-tree", "--end-of-options", merged, index=index, timeout=TIMEOUT)
        run(mirror, "update-index", "--replace", "-z", "--index-info", index=index, input=said)
        return run(mirror, "write-tree", index=index, timeout=TIMEOUT).text


def _names(mirror: Path, tree: str) -> set[str]:
    listed = run(mirror, "ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", tree, timeout=TIMEOUT)
    return set(listed.fields())
