"""What would land: merges and reverts made in the mirror, without a checkout. Moving the branch is in `moves`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from server.domain.errors import GitError
from server.git.commands import NOBODY, Person, run
from server.git.diffs import summary
from server.git.mirrors import TargetGone, guard, resolve
from server.git.moves import BlockedByFiles, LostRace, move
from server.git.objects import commit, tree_of

__all__ = [
    "BlockedByFiles",
    "Built",
    "Conflict",
    "LostRace",
    "Method",
    "Scope",
    "TargetGone",
    "build",
    "move",
    "revert",
    "scope",
]

Method = Literal["squash", "merge", "rebase"]
EPOCH = datetime.fromtimestamp(0, UTC)

# The user's own configuration would make one machine merge what another one calls a conflict.
MERGE = (
    *("-c", "merge.renames=true", "-c", "merge.directoryRenames=conflict", "-c", "merge.renormalize=false"),
    *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"),
)


@dataclass(frozen=True, slots=True)
class Built:
    """A commit that can land, and its tree."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed these files in ways that git can't put together; sorted."""

    files: list[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whether what would land changes what was read: files whose lines differ, by which of the two has them."""

    same: bool
    only_read: list[str]
    only_result: list[str]


def build(
    mirror: Path,
    *,
    target: str,
    base: str,
    revision: str,
    method: Method,
    message: str,
    author: Person,
    committer: Person,
    date: datetime | None = None,
) -> Built | Conflict:
    """Puts what `revision` changes since `base` onto `target`; no ref moves and no checkout is touched.

    Args:
        method: squash and rebase give one commit on `target` (a revision is one commit already; rebase keeps the date
            when it was written), merge gives a commit with both as its parents.
        date: When it is committed; now when None.

    Raises:
        GitError: one of the commits is not in the mirror.
    """
    guard(mirror)
    merged = _merge(mirror, base, target, revision)
    if isinstance(merged, Conflict):
        return merged
    parents = [target, revision] if method == "merge" else [target]
    written = _author_date(mirror, revision) if method == "rebase" else None
    return Built(commit(mirror, merged, parents, message, author, committer, date, written), merged)


def revert(
    mirror: Path,
    *,
    target: str,
    landed: str,
    message: str,
    author: Person,
    date: datetime | None = None,
) -> Built | Conflict:
    """A commit on `target` that takes back what `landed` changed since its first parent.

    Raises:
        GitError: `landed` has no parent, or one of the commits is not in the mirror.
    """
    guard(mirror)
    before = resolve(mirror, f"{landed}^1")
    if before is None:
        raise GitError(f"The commit {landed[:12]} is the first one, so there is nothing to go back to.")
    merged = _merge(mirror, landed, target, before)
    if isinstance(merged, Conflict):
        return merged
    return Built(commit(mirror, merged, [target], message, author, author, date), merged)


def scope(mirror: Path, old_base_tree: str, old_head_tree: str, target_tree: str, result_tree: str) -> Scope:
    """Compares the diff that was read (`old_base_tree` to `old_head_tree`) with the one that would land."""
    guard(mirror)
    read = _measures(mirror, old_base_tree, old_head_tree)
    result = _measures(mirror, target_tree, result_tree)
    only_read = sorted(path for path, _ in read - result)
    only_result = sorted(path for path, _ in result - read)
    return Scope(not only_read and not only_result, only_read, only_result)


def _measures(mirror: Path, base: str, head: str) -> set[tuple[str, tuple[object, ...]]]:
    """What a diff does to each file, in numbers. Binary files have no lines, so their content stands for them."""
    entries, counts = summary(mirror, base, head)
    measures: set[tuple[str, tuple[object, ...]]] = set()
    for entry, (additions, deletions) in zip(entries, counts, strict=True):
        content = entry.new_blob if additions is None else ""
        about = (entry.status, entry.old_path, entry.old_mode, entry.new_mode, additions, deletions, content)
        measures.add((entry.path, about))
    return measures


def _merge(mirror: Path, base: str, ours: str, theirs: str) -> str | Conflict:
    """The tree of a three-way merge with exactly `base` as its base."""
    if ours == base:
        return tree_of(mirror, theirs)
    if run(mirror, "merge-base", "--all", "--end-of-options", ours, theirs, ok=(0, 1)).text != base:
        ours, theirs = (_graft(mirror, side, base) for side in (ours, theirs))
    merged = run(mirror, *MERGE, "--end-of-options", ours, theirs, ok=(0, 1), timeout=600)
    tree, *files = merged.fields()
    if merged.code:
        return Conflict(sorted({name for name in files if name}))
    return tree


def _graft(mirror: Path, side: str, base: str) -> str:
    """A commit with the tree of `side` on `base`: `merge-tree --merge-base` needs git 2.40."""
    return commit(mirror, tree_of(mirror, side), [base], "merge input", NOBODY, NOBODY, EPOCH)


def _author_date(mirror: Path, revision: str) -> datetime:
    stamp = run(mirror, "log", "-1", "--no-show-signature", "--format=%aI", "--end-of-options", revision).text
    return datetime.fromisoformat(stamp)
