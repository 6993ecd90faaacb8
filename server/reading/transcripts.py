"""A transcript as it is read: its lines in pieces that a page can hold, each thing once, long output shortened.

The file is another's to write, grows while it is read, may be cut anywhere, and is never read into memory as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import takewhile
from typing import BinaryIO

from server.domain.transcript import Entry, EntryKind
from server.reading import hits, usage

MOST = 500  # entries that a page starts with
LOOK_BACK = 2 * 1024 * 1024  # bytes of the file that are looked through for them
LOOK_AHEAD = 256 * 1024  # bytes in which what became of a piece's tools is looked for
FOUND = 200  # entries that a search answers with
JOINED = 12_000  # characters of one message; what follows is another entry, so that growing stays cheap
WHOLE = 100_000  # characters of any text shown
TITLE = 500
STEPS = 200
ENDS = 12  # lines of a long output shown at its beginning, and at its end
LINE = 400  # characters of each
LONGEST = 1024 * 1024  # bytes of a line; what is longer is no entry
BLOCK = 64 * 1024
VOICES = (EntryKind.MESSAGE, EntryKind.THOUGHT)

_LEFT_OUT = re.compile(r"\[… (\d{1,15}) bytes left out here …\]")
_BEGINNING = '{"kind":'
_PLAN = b'\n{"kind":"plan",'


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: where it starts and ends in bytes, and what it says; None where it is broken."""

    offset: int
    end: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An output's first and last lines; `cut` says whether there is more, `lines` how many lines there are in all."""

    first: str
    last: str = ""
    lines: int = 0
    hidden: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as it is shown. `offset` (of the line where it begins) is its name; its output is told at `told`."""

    offset: int
    told: int
    entry: Entry
    output: Excerpt | None = None

    @property
    def done(self) -> int:
        """How many steps of a plan are."""
        return sum(state == "completed" for state, _ in self.entry.plan)


@dataclass(frozen=True, slots=True)
class Window:
    """Items that one page shows, between two offsets; `more` says whether something follows."""

    items: list[Item] = field(default_factory=list)
    start: int = 0
    end: int = 0
    more: bool = False


class Fold:
    """Joins lines to items, line by line: pieces of a message, tellings of one tool call or question."""

    def __init__(self, wanted: str = "") -> None:
        self._wanted = wanted
        self._known: dict[tuple[EntryKind, str], Item] = {}
        self._last: Item | None = None

    def knows(self, entry: Entry | None) -> bool:
        """Whether it tells more of a tool call or a question."""
        return entry is not None and bool(entry.id) and (entry.kind, entry.id) in self._known

    def begins(self, entry: Entry | None) -> bool:
        """Whether it would be an item of its own."""
        return entry is not None and not self.knows(entry) and not self._goes_on(entry)

    def add(self, line: Line) -> Item | None:
        """The item that the line begins or tells more of; None for a broken line."""
        entry = line.entry
        if entry is None:
            return None
        if self.knows(entry):
            return self._tell(line, entry, self._known[entry.kind, entry.id])
        if self._last and self._goes_on(entry):
            before = self._last.entry
            self._last = replace(self._last, entry=replace(before, text=before.text + entry.text))
            return self._last
        return self._begin(line, entry)

    def _goes_on(self, entry: Entry) -> bool:
        before = self._last.entry if self._last else None
        return before is not None and before.kind is entry.kind and entry.kind in VOICES and len(before.text) < JOINED

    def _begin(self, line: Line, entry: Entry) -> Item:
        output = excerpt(entry.text, self._wanted) if entry.kind is EntryKind.TOOL and entry.text.strip() else None
        self._last = Item(line.offset, line.offset, _shown(entry), output)
        if entry.id:
            self._known[entry.kind, entry.id] = self._last
        return self._last

    def _tell(self, line: Line, entry: Entry, before: Item) -> Item:
        """What the newer telling leaves out stays, and so does the time of the beginning."""
        said = {each.name: value for each in fields(Entry) if (value := getattr(_shown(entry), each.name))}
        item = replace(before, entry=replace(before.entry, **{**said, "at": before.entry.at}))
        if entry.kind is EntryKind.TOOL and entry.text.strip():
            item = replace(item, told=line.offset, output=excerpt(entry.text, self._wanted))
        self._known[entry.kind, entry.id] = item
        if self._last and self._last.offset == item.offset:
            self._last = item
        return item


def lines(file: BinaryIO, start: int = 0, *, ended: bool = True) -> Iterator[Line]:
    """The file's lines from offset `start`, where one begins. A last one without its end counts once it is `ended`."""
    file.seek(start)
    while line := file.readline(LONGEST):
        if not line.endswith(b"\n") and len(line) < LONGEST and not ended:
            return
        yield Line(start, start := start + len(line), read(line))


def read(line: bytes) -> Entry | None:
    """What a line says. Of one that was cut and written on by a later attempt, what that says; None: it is broken."""
    text = line.decode("utf-8", "replace").strip()
    if left_out := _LEFT_OUT.fullmatch(text):
        return Entry(EntryKind.NOTICE, 0.0, text=f"{int(left_out[1]):,} bytes of a long transcript are left out here.")
    try:
        entry = Entry.read(text) or Entry.read(text[max(0, text.rfind(_BEGINNING)) :])
    except RecursionError:
        return None
    return _sound(entry) if entry else None


def window(file: BinaryIO, start: int, *, ended: bool, most: int = MOST) -> Window:
    """The items from offset `start` on, about `most` of them; later tellings of them are taken in."""
    fold = Fold()
    found: dict[int, Item] = {}
    end, full = start, False
    for line in lines(file, start, ended=ended):
        full = full or ((len(found) >= most or line.offset - start >= LOOK_BACK) and fold.begins(line.entry))
        if full and line.offset - end > LOOK_AHEAD:
            break
        if full and not fold.knows(line.entry):
            continue
        if item := fold.add(line):
            found[item.offset] = item
        end = end if full else line.end
    return Window(list(found.values()), start, end, full)


def latest(file: BinaryIO, before: int) -> int:
    """Where the last `MOST` items before an offset begin, as far as they lie within `LOOK_BACK` bytes."""
    start = aligned(file, max(0, before - LOOK_BACK))
    fold = Fold()
    starts: list[int] = []
    for line in takewhile(lambda line: line.offset < before, lines(file, start)):
        if fold.begins(line.entry):
            starts.append(line.offset)
        fold.add(line)
    return starts[-MOST] if len(starts) > MOST else start


def aligned(file: BinaryIO, offset: int) -> int:
    """The start of the first line at or after an offset."""
    if offset <= 0:
        return 0
    file.seek(offset - 1)
    file.readline(LONGEST)
    return file.tell()


def search(file: BinaryIO, wanted: str, *, ended: bool) -> Window:
    """The first `FOUND` items that have the words `wanted` anywhere, outputs cut down to the lines that have them."""
    pattern = hits.pattern(wanted)
    fold = Fold(wanted)
    found: dict[int, Item] = {}
    end, more = 0, False
    for line in lines(file, ended=ended):
        item = fold.add(line)
        end = line.end
        if item is None or line.entry is None:
            continue
        if item.offset in found or pattern.search(_said(item, line.entry, len(wanted))):
            more = len(found) >= FOUND and item.offset not in found
            if more:
                break
            found[item.offset] = item
    return Window(sorted(found.values(), key=lambda item: item.offset), 0, end, more)


def last_plan(file: BinaryIO, before: int) -> Item | None:
    """The newest plan that is told before an offset."""
    end = before
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        ahead = b"" if start else b"\n"
        block = ahead + file.read(end - start + len(_PLAN))
        place = block.rfind(_PLAN, 0, before - start + len(ahead) + len(_PLAN) - 2)
        if place >= 0:
            offset = start + place + 1 - len(ahead)
            entry = next(lines(file, offset)).entry
            return Item(offset, offset, _shown(entry)) if entry else None
        end = start
    return None


def excerpt(text: str, wanted: str = "") -> Excerpt:
    """The first and last lines of an output; where words are `wanted` in it, the first lines that have them."""
    said = text.strip("\n").split("\n")
    short = [line if len(line) <= LINE else f"{line[:LINE]}…" for line in said]
    if wanted and (having := [line for line in said if hits.pattern(wanted).search(line)]):
        kept = [_around(line, wanted) for line in having[: 2 * ENDS]]
        return Excerpt("\n".join(kept), "", len(said), len(said) - len(kept), cut=kept != said)
    if len(short) <= 2 * ENDS + 1:
        return Excerpt("\n".join(short), "", len(said), 0, cut=short != said)
    return Excerpt("\n".join(short[:ENDS]), "\n".join(short[-ENDS:]), len(said), len(said) - 2 * ENDS, cut=True)


def _around(line: str, wanted: str) -> str:
    """A line, or as much of it as fits around the first of the words."""
    if len(line) <= LINE:
        return line
    hit = hits.pattern(wanted).search(line)
    start = max(0, hit.start() - LINE // 2) if hit else 0
    return f"{'…' if start else ''}{line[start : start + LINE]}…"


def _said(item: Item, entry: Entry, margin: int) -> str:
    """All words of a line in which something can be found; a message's with what comes right before them."""
    if entry.kind in VOICES:
        return item.entry.text[-(len(entry.text) + margin) :]
    return "\n".join((entry.title, entry.path, entry.tool, entry.text, *(step for _, step in entry.plan)))


def _shown(entry: Entry) -> Entry:
    """An entry as far as a page shows it; a tool's output is an excerpt beside it."""
    return replace(
        entry,
        text="" if entry.kind is EntryKind.TOOL else entry.text[:WHOLE],
        title=entry.title[:TITLE],
        path=entry.path[:TITLE],
        plan=tuple((state, step[:TITLE]) for state, step in entry.plan[:STEPS]),
    )


def _sound(entry: Entry) -> Entry | None:
    """An entry whose values are of the kinds that they should be, and text that can be sent; None: it is none."""
    words: tuple[object, ...] = (entry.text, entry.id, entry.title, entry.tool, entry.state, entry.path)
    at: object = entry.at
    if not all(isinstance(word, str) for word in words) or not isinstance(at, int | float) or not 0 <= at < 1e11:
        return None
    told: object = entry.usage
    return replace(
        entry,
        text=_whole(entry.text),
        id=_whole(entry.id),
        title=_whole(entry.title),
        tool=_whole(entry.tool),
        state=_whole(entry.state),
        path=_whole(entry.path),
        plan=tuple((_whole(state), _whole(step)) for state, step in entry.plan),
        usage=usage.known(told) if isinstance(told, dict) else {},
    )


def _whole(text: str) -> str:
    """Text without halves of characters, which no encoding takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
