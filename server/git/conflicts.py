"""Where a merge fails: which files, in what way, with the three sides of each, and who moved the target's side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from server.git import attributes
from server.git.commands import run
from server.git.merges import FILES, TIMEOUT, Message, merge_tree, messages, sides
from server.git.mirrors import guard
from server.git.objects import tree_of

__all__ = ["Conflicted", "Kind", "Mover", "Side", "between", "count", "find", "marked", "movers"]

MOST_PATHS = 200
LINK, SUBMODULE = "120000", "160000"
TARGET, CHANGE = "2", "3"  # git's numbers for the sides of a merge; 1 is their base
_DIFF3 = ("-c", "merge.conflictStyle=diff3")
# As `merge-tree` compares a file's sides: other algorithms, and other ways to slide a hunk, give other regions. One
# line of context, since git cuts off equal ends before it compares without any, and then answers differently.
_TEXTS = (
    *("-c", "diff.suppressBlankEmpty=false", "diff", "--text", "--no-color", "--no-relative", "--no-ext-diff"),
    *("--no-textconv", "--diff-algorithm=histogram", "--no-indent-heuristic", "--unified=1", "--inter-hunk-context=0"),
)


class Kind(StrEnum):
    """In what way a file does not merge."""

    BOTH_CHANGED = "both changed"
    BOTH_ADDED = "both added"
    REMOVED = "changed and removed"  # one of the two
    RENAMED_APART = "renamed apart"
    FOLDER_RENAMED = "folder renamed"  # one side renamed a folder that the other one puts a file into
    FOLDER_UNCLEAR = "folder unclear"  # so that git gives up, though it has a content for each file
    MODES = "modes"  # a file and a link, or whether it can be run
    BINARY = "binary"
    SUBMODULE = "submodule"
    FILE_AND_FOLDER = "file and folder"


@dataclass(frozen=True, slots=True)
class Side:
    """A file as one side has it: its name, its mode as git prints it, the id of its content."""

    path: str
    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A file that does not merge, or a folder. A side is None where it has no such file.

    `path` is the name that it would have; names are as `os.fsdecode` gives them.
    """

    path: str
    kind: Kind
    base: Side | None
    target: Side | None
    change: Side | None


@dataclass(frozen=True, slots=True)
class Mover:
    """A commit on the target that touched a file in question."""

    commit: str
    author: str
    at: datetime
    subject: str


def find(mirror: Path, *, base: str, target: str, revision: str) -> list[Conflicted]:
    """The files that keep what `revision` changed since `base` from `target`, by name; none where it merges.

    Asked of git in the way in which a landing is built, so that the answers agree.

    Raises:
        GitError: one of the commits is not in the mirror.
    """
    guard(mirror)
    if target == base:
        return []
    by = attributes.of(mirror, tree_of(mirror, target))
    ours, theirs = sides(mirror, base, target, revision)
    asked = merge_tree(mirror, by, "--messages", "--end-of-options", ours, theirs)
    if not asked.code:
        return []
    told = iter(asked.fields()[1:])
    staged = _staged(told, (ours, theirs))
    found = sorted(_conflicts(staged, list(messages(told))), key=lambda each: each.path)
    names = [_names(mirror, each) for each in (base, target, revision)]
    return [_as_named(each, *names) for each in found]


def marked(mirror: Path, *, base: str, target: str, revision: str) -> str:
    """The tree of the merge, whether it is clean or not: files that conflict hold all three sides between markers.

    Raises:
        GitError: one of the commits is not in the mirror.
    """
    guard(mirror)
    if target == base:
        return tree_of(mirror, revision)
    by = attributes.of(mirror, tree_of(mirror, target))
    ours, theirs = sides(mirror, base, target, revision)
    return merge_tree(mirror, by, *FILES, "--end-of-options", ours, theirs, settings=_DIFF3).fields()[0]


def between(mirror: Path, old_blob: str, new_blob: str) -> bytes:
    """How two contents differ, as a merge sees it; as a piece of `git diff`."""
    guard(mirror)
    return run(mirror, *_TEXTS, "--end-of-options", old_blob, new_blob, timeout=TIMEOUT).out


def movers(mirror: Path, base: str, target: str, paths: Iterable[str], limit: int) -> list[Mover]:
    """The newest `limit` commits on `target`, newest first, that are not in `base` and touch one of these files.

    Of very many files the first ones by name are looked at: a command's arguments have a limit.
    """
    guard(mirror)
    fields = "--format=tformat:%H%x00%an%x00%at%x00%s"
    command = ("log", "-z", f"-{limit}", "--no-show-signature", "--no-decorate", "--encoding=UTF-8", fields)
    looked_at = sorted(set(paths))[:MOST_PATHS]
    told = run(mirror, *command, f"{base}..{target}", "--", *looked_at, timeout=TIMEOUT).fields()
    return [
        Mover(commit, author, datetime.fromtimestamp(int(at), UTC), subject)
        for commit, author, at, subject in zip(*(told[start::4] for start in range(4)), strict=True)
    ]


def count(mirror: Path, base: str, target: str) -> int:
    """How many commits `target` has that `base` has not."""
    guard(mirror)
    return int(run(mirror, "rev-list", "--count", "--end-of-options", f"{base}..{target}", timeout=TIMEOUT).text)


Names = dict[str, str]  # what a commit has, by name


def _names(mirror: Path, commit: str) -> Names:
    listed = run(mirror, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit, timeout=TIMEOUT).fields()
    return {name: about.split()[2] for about, name in (entry.split("\t", 1) for entry in listed)}


def _as_named(found: Conflicted, base: Names, target: Names, change: Names) -> Conflicted:
    """Each side by the name that it has there: git calls all of them as the one that renamed the file."""
    sides = ((found.base, base), (found.target, target), (found.change, change))
    return Conflicted(found.path, found.kind, *(_own(side, names) for side, names in sides))


def _own(side: Side | None, names: Names) -> Side | None:
    if side is None or side.path in names:
        return side
    return replace(side, path=next((name for name, oid in names.items() if oid == side.blob), side.path))


Staged = dict[str, dict[str, Side]]  # by name and by git's number of the side


def _staged(fields: Iterator[str], labels: Sequence[str]) -> Staged:
    """The `mode oid stage<TAB>name` fields, up to the empty one behind them."""
    found: Staged = {}
    for field in fields:
        if not field:
            break
        about, name = field.split("\t", 1)
        mode, oid, stage = about.split()
        found.setdefault(name, {})[stage] = Side(_own_name(name, labels), mode, oid)
    return found


def _own_name(name: str, labels: Sequence[str]) -> str:
    """`a` of `a~<commit>`: so git calls a file whose name something else wants, such as a folder or a link."""
    for label in labels:
        start, found, _ = name.rpartition(f"~{label}")
        if found:
            return start
    return name


def _conflicts(staged: Staged, told: Sequence[Message]) -> Iterator[Conflicted]:
    """Names that belong to one conflict, such as those of a file that was renamed in two ways, are one file."""
    left = dict(staged)
    for message in sorted(told, key=lambda each: -len(each.paths)):
        names = [name for name in message.paths if name in left]
        if names:
            kinds = {each.kind for each in told if set(each.paths) & set(names)}
            yield _conflicted({name: left.pop(name) for name in names}, " ".join(sorted(kinds)))
    for name, stages in left.items():
        yield _conflicted({name: stages}, "")
    for path in set() if staged else {path for message in told for path in message.paths}:
        yield Conflicted(path, Kind.FOLDER_UNCLEAR, None, None, None)


def _conflicted(names: Staged, told: str) -> Conflicted:
    stages = {stage: side for found in names.values() for stage, side in found.items()}
    base, target, change = (stages.get(stage) for stage in ("1", TARGET, CHANGE))
    path = (target or change or base or next(iter(stages.values()))).path
    return Conflicted(path, _kind(told, base, target, change), base, target, change)


def _kind(told: str, base: Side | None, target: Side | None, change: Side | None) -> Kind:
    there = [side for side in (base, target, change) if side]
    if any(side.mode == SUBMODULE for side in there):
        return Kind.SUBMODULE
    for word, kind in _SAID:
        if word in told:
            return kind
    if target is None or change is None:
        return Kind.REMOVED
    if target.mode != change.mode and (target.blob == change.blob or LINK in (target.mode, change.mode)):
        return Kind.MODES
    return Kind.BOTH_CHANGED if base else Kind.BOTH_ADDED


# git's own stable names for what happened (merge-ort.c), the more telling ones first.
_SAID = (
    ("file/directory", Kind.FILE_AND_FOLDER),
    ("rename/rename", Kind.RENAMED_APART),
    ("directory rename", Kind.FOLDER_RENAMED),
    ("distinct modes", Kind.MODES),
    ("binary", Kind.BINARY),
)
