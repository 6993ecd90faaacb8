"""What evidence is looked for in, and what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from server.domain.diff import FileDiff
from server.domain.flag import FlagKind
from server.domain.review import Side
from server.domain.task import Kind
from server.reading import rows
from server.reading.rows import Row, RowKind


@dataclass(frozen=True)
class ChangedFile:
    """A file of a diff with both its texts: `old` and `new` are None where it is not there, binary, or very large."""

    diff: FileDiff
    old: str | None
    new: str | None

    @property
    def path(self) -> str:
        return self.diff.path

    @property
    def old_path(self) -> str:
        """Where it was before."""
        return self.diff.old_path or self.diff.path

    @cached_property
    def added(self) -> list[Row]:
        """Its added lines with their numbers, in order."""
        return [row for row in rows.parse(self.diff.text) if row.kind is RowKind.ADDED]

    @cached_property
    def removed(self) -> list[Row]:
        """Its removed lines with their numbers, in order."""
        return [row for row in rows.parse(self.diff.text) if row.kind is RowKind.REMOVED]


@dataclass(frozen=True)
class Material:
    """A revision as evidence is looked for in it: its files in git's order, `asked`, the task's words, and its kind."""

    files: Sequence[ChangedFile]
    asked: str = ""
    kind: Kind = Kind.DIRECTED


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `line` is of the file's `side`, from 1; None: the file as a whole."""

    kind: FlagKind
    path: str
    sentence: str
    line: int | None = None
    side: Side = Side.NEW


Detector = Callable[[Material], Iterable[Finding]]
