"""A file of a diff as pages show it: what became of it in words, and its rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from server.domain.agent_config import configures_agents, instructs_agents
from server.domain.base import shown
from server.domain.change import Revision
from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import NarrowsError
from server.domain.file_row import FileRow
from server.reading import colours, order, rows, words
from server.services import revisions
from server.services.narrows import Narrows

PIECE = 3000  # rows that are loaded at once; the rest of a file follows when it is reached
_ABSENT = "000000"
_MODES = {"100644": "file", "100755": "executable", "120000": "symbolic link", "160000": "submodule"}
_TALL = (10, 25, 50, 100, 200, 400)  # rows; a skeleton's heights in app.css


@dataclass(frozen=True)
class File:
    """One file in the outline of a revision. `notes` say what the rows alone don't."""

    position: int
    name: str
    old_name: str
    word: str
    letter: str
    notes: list[str]
    additions: int | None
    deletions: int | None
    folded: str
    tall: int
    eager: bool = False

    @classmethod
    def of(cls, row: FileRow, *, eager: bool = False) -> File:
        changed = (row.additions or 0) + (row.deletions or 0)
        return cls(
            position=row.position,
            name=shown(row.path),
            old_name=shown(row.old_path) if row.old_path and row.old_path != row.path else "",
            word=row.status.name.lower().replace("_", " "),
            letter=row.status.value,
            notes=_notes(row),
            additions=row.additions,
            deletions=row.deletions,
            folded=order.folded(row.path),
            tall=next((size for size in _TALL if changed + 6 <= size), _TALL[-1]),
            eager=eager,
        )


def outline(narrows: Narrows, revision: Revision, eager: int = 2) -> list[File]:
    """A revision's files in reading order; the first few (all with -1) that nothing folds are shown at once."""
    found = revisions.outline(narrows, revision)
    files = []
    for place in order.reading_order(found):
        at_once = eager != 0 and not order.folded(found[place].path)
        files.append(File.of(found[place], eager=at_once))
        eager -= at_once
    return files


def _notes(row: FileRow) -> list[str]:
    notes = _notes_on_agents(row)
    old, new = _MODES.get(row.old_mode, row.old_mode), _MODES.get(row.new_mode, row.new_mode)
    if row.status is FileStatus.ADDED and new != "file":
        notes.append(f"new {new}")
    elif row.status is FileStatus.DELETED and old != "file":
        notes.append(f"was a {old}")
    elif row.old_mode != row.new_mode and _ABSENT not in (row.old_mode, row.new_mode):
        notes.append(f"{old} becomes {new}")
    elif new in ("symbolic link", "submodule"):
        notes.append(new)
    if row.additions is None:
        notes.append("binary")
    if row.similarity is not None and row.similarity < 100:
        notes.append(f"{row.similarity} % the same")
    return notes


def _notes_on_agents(row: FileRow) -> list[str]:
    names = [name for name in (row.path, row.old_path) if name]
    if any(map(configures_agents, names)):
        return ["can run code when an agent starts"]
    return ["instructs agents"] if any(map(instructs_agents, names)) else []


@dataclass(frozen=True)
class Piece:
    """Rows of a file's diff as HTML; `next` is where the following piece starts, None at the end."""

    html: str  # escaped row by row; Markup for the templates
    next: int | None = None
    total: int = 0
    empty: str = ""  # why there are no rows, as a sentence
    lines: frozenset[tuple[str, int]] = frozenset()  # those that the whole file's rows show, by side and number
    above: str = ""  # HTML that stands over the rows


def piece(
    narrows: Narrows,
    revision: Revision,
    file: FileDiff,
    start: int = 0,
    below: Mapping[tuple[str, int], str] | None = None,
) -> Piece:
    """From row `start` on at most `PIECE` rows of a file."""
    parsed = rows.parse(file.text)
    if not parsed:
        return Piece(Markup(""), empty=_why_empty(file))
    part = parsed[start : start + PIECE]
    old = _coloured(narrows, revision, file, old=True) if any(r.kind is rows.RowKind.REMOVED for r in part) else None
    new = _coloured(narrows, revision, file, old=False)
    end = start + len(part)
    changed = words.changed(part)

    def emphasise(place: int, code: str) -> str:
        return words.mark(code, changed[place]) if place in changed else code

    html = Markup(rows.html(part, old, new, below, emphasise))  # escaped, row by row
    lines = frozenset(line for row in parsed for line in rows.lines(row)) if below else frozenset()
    return Piece(html, end if end < len(parsed) else None, len(parsed), lines=lines)


def _why_empty(file: FileDiff) -> str:
    if file.binary:
        return "A binary file: git has no lines to show."
    if file.old_mode != file.new_mode and file.old_blob == file.new_blob:
        return "Only the mode changed."
    if file.status is FileStatus.RENAMED:
        return "Moved; the content is the same."
    if file.status is FileStatus.COPIED:
        return "Copied; the content is the same."
    return "An empty file."


class _Cache:
    """Coloured files by blob and name, the least recently used ones dropped beyond `limit` characters."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[str, str], tuple[list[str] | None, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str]) -> tuple[bool, list[str] | None]:
        with self._lock:
            if key not in self._kept:
                return False, None
            self._kept.move_to_end(key)
            return True, self._kept[key][0]

    def put(self, key: tuple[str, str], lines: list[str] | None) -> None:
        size = sum(map(len, lines or ())) + 100
        with self._lock:
            self._size += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = (lines, size)
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1][1]


_cache = _Cache(limit=8_000_000)


def _coloured(narrows: Narrows, revision: Revision, file: FileDiff, *, old: bool) -> list[str] | None:
    """One side's whole file as coloured lines; None where it is plain, absent or no text."""
    mode, blob = (file.old_mode, file.old_blob) if old else (file.new_mode, file.new_blob)
    name = (file.old_path or file.path) if old else file.path
    if mode not in ("100644", "100755"):
        return None
    known, lines = _cache.get((blob, name))
    if not known:
        lines = _read(narrows, revision, name, old=old)
        _cache.put((blob, name), lines)
    return lines


def _read(narrows: Narrows, revision: Revision, name: str, *, old: bool) -> list[str] | None:
    """Colours are a courtesy: a mirror that can't be read must not hide the diff, which is in the database."""
    try:
        content = revisions.whole_file(narrows, revision, name, old=old)
    except NarrowsError:
        return None
    return None if content is None else colours.lines(name, content)
