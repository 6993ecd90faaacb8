"""Both sides of files as coloured lines, each made once and kept by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pygments

from server.domain.errors import NarrowsError
from server.git import blobs
from server.reading import colours, file_notes, lines, visible
from server.services.narrows import Narrows
from server.store.renderings import Renderings

AT_ONCE = 24_000  # bytes of a side that are coloured while somebody waits: some 40 ms
WAITED = 1.0  # seconds for such a file
PATIENCE = 20.0  # seconds for any other; what is not coloured by then stays plain


class Source(NamedTuple):
    """A file's content and its name, which tells the language. An empty blob: no file."""

    blob: str
    name: str


NOTHING = Source("", "")


@dataclass(frozen=True, slots=True)
class Side:
    """A whole file as HTML lines; shorter than `count`, its number of lines, where the rest has no colours.

    `final`: there is nothing better to wait for. `sound`: it is all that the content gives, as far as
    it goes, so what is made with it may be kept.
    """

    lines: list[str]
    count: int | None
    final: bool = True
    sound: bool = True


ABSENT = Side([], None)
UNREADABLE = Side([], None, sound=False)
LATER = Side([], None, final=False)


def store(narrows: Narrows) -> Renderings:
    """What was made of files for reading; it may be lost at any time."""
    return Renderings(narrows.settings.data / "renderings.db")


def source(blob: str, name: str, mode: str) -> Source:
    """Where to read a side of a file from; links and submodules have no colours."""
    return Source(blob, name) if file_notes.is_file(mode) else NOTHING


@lru_cache(maxsize=4096)
def language(name: str) -> str:
    """As `colours.language`, which is slow; the folders that a file is in say nothing about it."""
    return colours.language(PurePosixPath(name).name)


def sides(narrows: Narrows, project_id: int, wanted: Iterable[Source], *, patient: bool) -> dict[Source, Side]:
    """Each side that is wanted: kept, or made and kept.

    Colours are a courtesy: a mirror that can't be read gives plain lines.

    Args:
        patient: Wait for large files as well; otherwise these are `LATER`.
    """
    asked = {each for each in wanted if each.blob}
    keys = {each: _key(each) for each in asked}
    kept = store(narrows).get(list(keys.values()))
    found = {each: _unpacked(kept[key]) for each, key in keys.items() if key in kept}
    made = _make(narrows.mirror(project_id), asked - found.keys(), patient)
    store(narrows).put({keys[each]: _packed(side) for each, side in made.items() if side.sound and side.final})
    return {NOTHING: ABSENT, **found, **made}


def _make(mirror: Path, wanted: Collection[Source], patient: bool) -> dict[Source, Side]:
    if not wanted:
        return {}
    slow = {each.blob for each in wanted if language(each.name)} if not patient else set()
    quick = {each.blob for each in wanted} - slow
    try:
        contents = blobs.read(mirror, quick) | blobs.read(mirror, slow, AT_ONCE)
    except NarrowsError:
        return dict.fromkeys(wanted, UNREADABLE)
    return {each: _coloured(each, contents.get(each.blob), each.blob not in slow) for each in wanted}


def _coloured(wanted: Source, content: bytes | None, patient: bool) -> Side:
    if content is None:
        return ABSENT if patient else LATER
    count = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    made = colours.lines(wanted.name, content, PATIENCE if patient else WAITED)
    if made is None:
        return Side([], count)
    if len(made) < count and not patient:
        return LATER
    return Side(made[:count], count)


def text_lines(content: bytes) -> list[str]:
    """The lines of a file as `server.reading.row` has them: carriage returns stay on."""
    found = lines.text_of(content).split("\n")
    return found[:-1] if found[-1] == "" else found


def html(side: Side, number: int, text: str) -> str:
    """A line of a file, coloured where it is; `number` counts from 1."""
    return (side.lines[number - 1] if number <= len(side.lines) else "") or visible.html(text)


def _key(wanted: Source) -> bytes:
    return digest("side", wanted.blob, language(wanted.name))


def digest(*parts: str) -> bytes:
    """What something is kept under: it was made by this code, from these parts."""
    return hashlib.sha256("\0".join((_code(), *parts)).encode("utf-8", "surrogateescape")).digest()


@lru_cache(maxsize=1)
def _code() -> str:
    """The code that makes HTML of files, as a digest: what another version of it made is not shown."""
    modules = sorted((Path(__file__).parent.parent / "reading").glob("*.py"))
    here = [Path(__file__), Path(__file__).with_name("renderings.py")]
    sources = b"\0".join(file.read_bytes() for file in (*modules, *here))
    return hashlib.sha256(pygments.__version__.encode() + sources).hexdigest()


def _packed(side: Side) -> str:
    return "\n".join(("" if side.count is None else str(side.count), *side.lines))


def _unpacked(kept: str) -> Side:
    count, *coloured = kept.split("\n")
    return Side(coloured, int(count) if count else None)
