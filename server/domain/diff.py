"""A change as a reader meets it: files, and what git says of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class FileStatus(StrEnum):
    """git's letters for what became of a file."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    RENAMED = "R"
    COPIED = "C"
    TYPE_CHANGED = "T"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of a diff between two trees.

    `path` and `old_path` are file-system names decoded with `os.fsdecode` (any byte survives as a surrogate).
    `old_mode`/`new_mode` are octal strings as git prints them ("100644", "120000", "160000"; "000000": absent).
    `old_blob`/`new_blob` are full object ids. `additions`/`deletions` are None for binary files.
    `text` is this file's piece of `git diff --binary --full-index`, to the byte: the pieces of all files, joined,
    are a patch that `git apply` takes.
    """

    path: str
    old_path: str | None
    status: FileStatus
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    additions: int | None
    deletions: int | None
    similarity: int | None
    text: bytes

    @property
    def binary(self) -> bool:
        return self.additions is None


class FileOutline(NamedTuple):
    """What a list says of a file of a diff: a `FileDiff` without text; `position` is git's order, from 0."""

    position: int
    path: str
    old_path: str | None
    status: FileStatus
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    additions: int | None
    deletions: int | None
    similarity: int | None


PAIRED = 1000  # added files with as many deleted ones: what of more may be a rename is not looked for; git's own limit


def renames_unsought(statuses: Iterable[FileStatus]) -> bool:
    """Whether so many files of a diff were added and deleted that edited ones among them may have been renamed: each
    would have to be compared with each. Those that kept their content or their name were found all the same.
    """
    counts = Counter(statuses)
    return counts[FileStatus.ADDED] * counts[FileStatus.DELETED] > PAIRED**2


class View(StrEnum):
    """How the rows of a file stand on the page."""

    UNIFIED = "unified"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Look:
    """How a diff is shown. `whitespace` False: lines that differ in white space alone count as the same."""

    view: View = View.UNIFIED
    whitespace: bool = True


class Trees(Protocol):
    """What a diff lies between: a revision and its base, or any two."""

    @property
    def base_tree(self) -> str: ...
    @property
    def tree(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is read: how the tree of revision `number` differs from `base_tree`.

    `since` None: from the tree that the revision stands on. Otherwise from the earlier revision of that number, brought
    onto the same base, so that what only the base changed is no part of it; `blurred` names the files where that could
    not be told apart.
    """

    project_id: int
    change_id: int
    number: int
    base_tree: str
    tree: str
    since: int | None = None
    blurred: frozenset[str] = frozenset()
