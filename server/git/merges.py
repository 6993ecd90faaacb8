"""What would land: merges and reverts made in the mirror, without a checkout. Moving the branch is in `moves`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from server.domain.errors import GitError
from server.git import attributes
from server.git.attributes import Attributes
from server.git.commands import NOBODY, NOTHING, Output, Person, run
from server.git.diffs import Counts, Entry, summaries
from server.git.mirrors import TargetGone, guard, resolve
from server.git.moves import BlockedByFiles, LostRace, move
from server.git.objects import commit, tree_in, tree_of
from server.git.signing import SigningFailed

__all__ = [
    "BlockedByFiles",
    "Built",
    "Conflict",
    "LostRace",
    "Message",
    "Method",
    "Scope",
    "SigningFailed",
    "Step",
    "TargetGone",
    "answer",
    "build",
    "merge",
    "merge_tree",
    "messages",
    "move",
    "revert",
    "scope",
    "sides",
]

Method = Literal["squash", "merge", "rebase"]
EPOCH = datetime.fromtimestamp(0, UTC)

# The user's own configuration would make one machine merge what another one calls a conflict. It also says which
# programs merge a file whose attributes ask for them, and none is to run here: so it isn't read at all.
SETTINGS = (
    *("-c", "merge.renames=true", "-c", "merge.directoryRenames=conflict", "-c", "merge.renormalize=false"),
    *("-c", "merge.conflictStyle=merge", "-c", "core.attributesFile=/dev/null"),
)
OF_NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
NO_FILES = ("-c", "attr.tree=")  # where no attributes are laid out, some versions of git take those of HEAD
FILES = ("--name-only", "--messages")  # see `answer`
TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class Built:
    """Commits that can land, oldest first, and the tree of the last."""

    commits: list[str]
    tree: str

    @property
    def commit(self) -> str:
        return self.commits[-1]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed these files in ways that git can't put together; sorted."""

    files: list[str]


@dataclass(frozen=True, slots=True)
class Message:
    """What git says of a conflict: a stable name for what happened, and the names that it is about."""

    kind: str
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whether what would land changes what was read: files whose lines differ, by which of the two has them.

    `digest` stands for exactly this difference: another one in the same files has another.
    """

    same: bool
    only_read: list[str]
    only_result: list[str]
    digest: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """An earlier revision of a change, as a rebase replays it: its commit, that one's base, and what to say of it."""

    commit: str
    base: str
    message: str


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
    earlier: Sequence[Step] = (),
    aside: str = "",
    sign_as: Path | None = None,
) -> Built | Conflict:
    """Puts what `revision` changes since `base` onto `target`; no ref moves and no checkout is touched.

    Whatever the method, the last tree is the same: that of the merge.

    Args:
        method: squash gives one commit on `target`; merge gives a commit on `base` and one that merges it; rebase gives
            a commit for each revision that changed something there, with the date when it was written.
        date: When it is committed; now when None.
        earlier: For a rebase: the change's revisions before this one, oldest first.
        aside: For a merge: what the commit on `base` says; as the merge itself when empty.
        sign_as: The user's repository, whose configuration signs every commit; None: they are not signed.

    Raises:
        GitError: one of the commits is not in the mirror.
        SigningFailed: a signature is wanted, and there is none.
    """
    guard(mirror)
    merged = merge(mirror, base, target, revision)
    if isinstance(merged, Conflict):
        return merged

    def write(tree: str, parents: list[str], words: str, written: datetime | None = None) -> str:
        return commit(mirror, tree, parents, words, author, committer, date, written, sign_as)

    match method:
        case "squash":
            commits = [write(merged, [target], message)]
        case "merge":
            side = write(tree_of(mirror, revision), [base], aside or message, _author_date(mirror, revision))
            commits = [write(merged, [target, side], message)]
        case "rebase":
            commits = []
            for tree, step in _replayed(mirror, target, merged, [*earlier, Step(revision, base, message)]):
                onto = commits[-1] if commits else target
                commits.append(write(tree, [onto], step.message, _author_date(mirror, step.commit)))
    return Built(commits, merged)


def _replayed(mirror: Path, target: str, merged: str, steps: Sequence[Step]) -> list[tuple[str, Step]]:
    """The trees that `target` goes through, with the revision that brought each; the last is `merged`, by the last one.

    Each is what landing that revision would give, so that a revision adds what it changed since the one before it,
    whatever their bases are. One that does not merge with the target (it was sent back for that) is part of the next.
    One that adds nothing is left out; where that is the last, it takes the place of the one before.
    """
    *earlier, last = steps
    trees = [(merge(mirror, step.base, target, step.commit), step) for step in earlier]
    found: list[tuple[str, Step]] = []
    before = tree_of(mirror, target)
    for tree, step in trees:
        if isinstance(tree, str) and tree != before:
            found.append((tree, step))
            before = tree
    if found and before == merged:
        found.pop()
    return [*found, (merged, last)]


def revert(
    mirror: Path,
    *,
    target: str,
    landed: str,
    message: str,
    author: Person,
    date: datetime | None = None,
    since: str | None = None,
    sign_as: Path | None = None,
) -> Built | Conflict:
    """One commit on `target` that takes back what was changed from `since` to `landed`.

    Args:
        since: Where the target was before; the first parent of `landed` when None.
        sign_as: As for `build`.

    Raises:
        GitError: `landed` has no parent, or one of the commits is not in the mirror.
        SigningFailed: a signature is wanted, and there is none.
    """
    guard(mirror)
    before = since or resolve(mirror, f"{landed}^1")
    if before is None:
        raise GitError(f"The commit {landed[:12]} is the first one, so there is nothing to go back to.")
    merged = merge(mirror, landed, target, before)
    if isinstance(merged, Conflict):
        return merged
    return Built([commit(mirror, merged, [target], message, author, author, date, sign_as=sign_as)], merged)


def scope(mirror: Path, old_base_tree: str, old_head_tree: str, target_tree: str, result_tree: str) -> Scope:
    """Compares the diff that was read (`old_base_tree` to `old_head_tree`) with the one that would land."""
    guard(mirror)
    pairs = ((old_base_tree, old_head_tree), (target_tree, result_tree))
    read, result = (_measures(*each) for each in summaries(mirror, *pairs))
    only_read = sorted(path for path, _ in read - result)
    only_result = sorted(path for path, _ in result - read)
    digest = hashlib.sha256(repr(sorted(map(repr, read ^ result))).encode()).hexdigest()
    return Scope(not only_read and not only_result, only_read, only_result, digest)


def _measures(entries: list[Entry], counts: list[Counts]) -> set[tuple[str, tuple[object, ...]]]:
    """What a diff does to each file, in numbers. Binary files have no lines, so their content stands for them."""
    measures: set[tuple[str, tuple[object, ...]]] = set()
    for entry, (additions, deletions) in zip(entries, counts, strict=True):
        content = entry.new_blob if additions is None else ""
        about = (entry.status, entry.old_path, entry.old_mode, entry.new_mode, additions, deletions, content)
        measures.add((entry.path, about))
    return measures


def merge(mirror: Path, base: str, ours: str, theirs: str) -> str | Conflict:
    """The tree of a three-way merge of commits with exactly `base` as its base, by the attributes of `ours`."""
    if ours == base:
        return tree_in(mirror, theirs)
    by = attributes.of(mirror, tree_of(mirror, ours))
    ours, theirs = sides(mirror, base, ours, theirs)
    merged = merge_tree(mirror, by, *FILES, "--end-of-options", ours, theirs)
    tree, names = answer(iter(merged.fields()))
    return Conflict(sorted(names)) if merged.code else tree


def answer(fields: Iterator[str]) -> tuple[str, set[str]]:
    """What `merge_tree` says of one merge when it is asked for `FILES`: its tree, and the names in conflict.

    Where it isn't clear what the rename of a folder means for another file, git gives up and no file is in conflict:
    the names are those that it speaks of then.
    """
    tree = next(fields)
    names = set(iter(fields.__next__, ""))
    spoken_of = {path for message in messages(fields) for path in message.paths}
    return tree, names or spoken_of


def messages(fields: Iterator[str]) -> Iterator[Message]:
    """Each is the number of its names, the names, its kind, and a sentence that nobody relies on; of conflicts only."""
    for count in fields:
        if not count:
            break
        paths = [next(fields) for _ in range(int(count))]
        kind = next(fields)
        next(fields)
        if "CONFLICT" in kind:
            yield Message(kind, paths)


def merge_tree(
    mirror: Path,
    by: Attributes,
    *words: str,
    settings: Sequence[str] = (),
    input: bytes | None = None,
    env: Mapping[str, str] = NOTHING,
) -> Output:
    """Runs `git merge-tree -z` by these attributes, and by nobody's configuration; exit code 1 is a conflict.

    Args:
        settings: Words such as `-c merge.conflictStyle=diff3`, over those that hold for every merge.
    """
    guard(mirror)  # its configuration could name programs, too
    with attributes.laid_out(by) as folder:
        every = (*SETTINGS, *(NO_FILES if folder is None else ()), *settings)
        return run(
            mirror,
            *(*every, "merge-tree", "--write-tree", "-z", *words),
            work_tree=folder,
            input=input,
            ok=(0, 1),
            timeout=TIMEOUT,
            env={**OF_NOBODY, **env},
        )


def sides(mirror: Path, base: str, ours: str, theirs: str) -> tuple[str, str]:
    """Commits with the trees of these two whose merge base is exactly `base`: themselves, where that is so already."""
    if run(mirror, "merge-base", "--all", "--end-of-options", ours, theirs, ok=(0, 1)).text == base:
        return ours, theirs
    return _graft(mirror, ours, base), _graft(mirror, theirs, base)


def _graft(mirror: Path, side: str, base: str) -> str:
    """A commit with the tree of `side` on `base`: `merge-tree --merge-base` needs git 2.40."""
    return commit(mirror, tree_of(mirror, side), [base], "merge input", NOBODY, NOBODY, EPOCH)


def _author_date(mirror: Path, revision: str) -> datetime:
    stamp = run(mirror, "log", "-1", "--no-show-signature", "--format=%aI", "--end-of-options", revision).text
    return datetime.fromisoformat(stamp)
