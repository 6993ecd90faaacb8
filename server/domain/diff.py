"""A change as a reader meets it: files, and what git says of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
