"""Whether what Narrows shows of two trees is what git says of them: its patch, and the rows of its pages."""

from __future__ import annotations

import itertools
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from server.domain.diff import Comparison, FileDiff, FileStatus, Look, View
from server.git import diffs
from server.reading import rows
from server.reading.rows import Row, RowKind
from server.services import comparisons, renderings
from server.services.narrows import Narrows
from tests.support.repositories import environment

PROJECT = 1
HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class Line(NamedTuple):
    """A line that one side has and the other has not: its number, its bytes, whether a line feed ends it."""

    number: int
    text: bytes
    ends: bool


@dataclass
class Lines:
    """What a file lost and gained, each in order."""

    removed: list[Line] = field(default_factory=list)
    added: list[Line] = field(default_factory=list)

    def __add__(self, other: Lines) -> Lines:
        return Lines(self.removed + other.removed, self.added + other.added)

    def __len__(self) -> int:
        return len(self.removed) + len(self.added)


@dataclass
class Judgement:
    """How many files and lines two trees differ in, and where Narrows and git don't say the same; no words: nowhere."""

    comparison: Comparison
    files: Sequence[FileDiff]
    lines: int
    patch: str = ""
    unified: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)


class Judge:
    """Asks both. Narrows keeps what it shows in its own data, in whose mirror the trees are."""

    def __init__(self, narrows: Narrows) -> None:
        self.narrows = narrows
        self.mirror = narrows.mirror(PROJECT)

    def judge(self, base: str, head: str) -> Judgement:
        """Args: base, head: ids of trees."""
        comparison = self.compare(base, head)
        files = comparisons.files(self.narrows, comparison)
        told = self.told(base, head, files)
        judged = Judgement(comparison, files, sum(map(len, told)))
        if (made := self._apply(base, comparisons.patch(self.narrows, comparison))) != head:
            judged.patch = f"{base}..{head}: the patch gives {made}"
        renderings.prepare(self.narrows, comparison, (Look(View.UNIFIED), Look(View.SPLIT)))
        judged.unified = list(self._wrong(comparison, files, told, View.UNIFIED))
        judged.split = list(self._wrong(comparison, files, told, View.SPLIT))
        return judged

    def compare(self, base: str, head: str) -> Comparison:
        """Two trees as Narrows keeps how they differ."""
        compared = diffs.compare(self.mirror, base, head)
        with self.narrows.transaction() as db:
            comparisons.keep(db, base, head, compared)
        return Comparison(PROJECT, 1, 1, base, head)

    def _wrong(
        self, comparison: Comparison, files: Sequence[FileDiff], told: Sequence[Lines], view: View
    ) -> Iterator[str]:
        shown = dict(renderings.all(self.narrows, comparison, Look(view)))
        for position, (file, lines) in enumerate(zip(files, told, strict=True)):
            seen = on_the_page("".join(shown[position].chunks))
            if seen != lines:
                yield f"{comparison.base_tree}..{comparison.tree} {file.path!r} {view}: {_first(seen, lines)}"

    def told(self, base: str, head: str, files: Sequence[FileDiff]) -> list[Lines]:
        """What git says of each file. Of a change of type it speaks twice: the old thing goes, the new one comes."""
        parts = [2 if file.status is FileStatus.TYPE_CHANGED else 1 for file in files]
        for renames in ("-M", "--no-renames"):
            text = self._git("diff-tree", "-r", "-p", renames, "-l0", base, head)
            pieces = list(by_git(text))
            if len(pieces) == sum(parts):
                each = iter(pieces)
                return [sum((next(each) for _ in range(count)), Lines()) for count in parts]
        raise AssertionError(f"{base}..{head}: git names {len(pieces)} files, Narrows {len(files)}")

    def _apply(self, base: str, patch: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git("read-tree", base, env=index)
            if patch:
                self._git("apply", "--cached", "--whitespace=nowarn", input=patch, env=index)
            return self._git("write-tree", env=index).decode().strip()

    def _git(self, *args: str, input: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """git as anybody has it, and not as Narrows calls it."""
        command = ["git", f"--git-dir={self.mirror}", *args]
        known = environment(self.narrows.settings.data) | (env or {})
        return subprocess.run(command, input=input, env=known, capture_output=True, check=True).stdout


def by_git(patch: bytes) -> Iterator[Lines]:
    """Each file's lines in a patch, read without any of Narrows' own code."""
    lines = Lines()
    old = new = old_left = new_left = 0
    begun = False
    last: list[Line] = []
    for line in patch.split(b"\n"):
        if old_left or new_left:
            sign, text = line[:1], line[1:]
            if sign in (b"-", b" "):
                last = lines.removed if sign == b"-" else []
                last.append(Line(old, text, ends=True))
                old, old_left = old + 1, old_left - 1
            if sign in (b"+", b" "):
                last = lines.added if sign == b"+" else []
                last.append(Line(new, text, ends=True))
                new, new_left = new + 1, new_left - 1
        if line.startswith(b"\\ ") and last:
            last[-1] = last[-1]._replace(ends=False)
        elif not old_left and not new_left and (hunk := HUNK.match(line)):
            old, new = int(hunk[1]), int(hunk[3])
            old_left, new_left = (1 if count is None else int(count) for count in (hunk[2], hunk[4]))
        elif not old_left and not new_left and line.startswith(b"diff --git "):
            if begun:
                yield lines
            lines, begun = Lines(), True
    if begun:
        yield lines


def on_the_page(html: str) -> Lines:
    """A file's lines as the rows of a page show them."""
    shown = rows.lines_of_html(html)
    removed = [_line(row.old, row) for row in shown if row.kind is RowKind.REMOVED]
    return Lines(removed, [_line(row.new, row) for row in shown if row.kind is RowKind.ADDED])


def _line(number: int | None, row: Row) -> Line:
    assert number is not None
    return Line(number, row.text.encode("utf-8", "surrogateescape"), row.ends)


def _first(seen: Lines, told: Lines) -> str:
    """The first line in which both differ, in words."""
    for name in ("removed", "added"):
        for ours, gits in itertools.zip_longest(getattr(seen, name), getattr(told, name)):
            if ours != gits:
                return f"{name}: shown {ours!r:.300}, git {gits!r:.300}"
    return "the same lines"
