"""What agents said and did in their runs, read from the runs' folders in pieces that a page or a script can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from server import files
from server.domain.errors import NotFound
from server.domain.run import Run
from server.domain.transcript import Entry, EntryKind, folded
from server.reading import terminal, transcript_text, transcripts
from server.reading.transcripts import Fold, Item, Window
from server.services import runs
from server.services.narrows import Narrows

TEXT = 200_000  # bytes that a script gets at once, and that the page of an old run starts with
LIVE = 200  # entries told to an open page at once
BLOCK = 64 * 1024


@dataclass(frozen=True)
class Told:
    """A piece of a transcript for a script: the same as text and as entries, and the offset where it goes on."""

    text: str
    entries: list[Entry]
    next_offset: int


@dataclass(frozen=True)
class News:
    """What an open page does not show yet: items to add at its end, and items to put in the place of older tellings."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed)


@dataclass(frozen=True)
class Page:
    """What the page of a run shows: items, where the ones before and after them start, and the newest plan.

    `earlier` and `later` are offsets, None where nothing is there.
    """

    window: Window = field(default_factory=Window)
    earlier: int | None = None
    plan: Item | None = None

    @property
    def later(self) -> int | None:
        return self.window.end if self.window.more else None


def page(narrows: Narrows, run: Run, start: int | None = None) -> Page:
    """The entries from offset `start` on, aligned to the next line; the newest ones by default."""
    file = _open(narrows, run.id)
    if file is None:
        return Page()
    with file:
        size = _size(file)
        if start is None:
            begin, most = transcripts.latest(file, size), max(size, transcripts.MOST)
        else:
            begin, most = transcripts.aligned(file, min(start, size)), transcripts.MOST
        window = transcripts.window(file, begin, ended=run.over, most=most)
        earlier = transcripts.latest(file, begin) if begin else None
        plan = next((item for item in reversed(window.items) if item.entry.kind is EntryKind.PLAN), None)
        return Page(window, earlier, plan or transcripts.last_plan(file, begin))


def search(narrows: Narrows, run: Run, wanted: str) -> Window:
    """The first entries in which the words are, in any case of letters."""
    file = _open(narrows, run.id)
    if file is None:
        return Window()
    with file:
        return transcripts.search(file, wanted, ended=run.over)


def entry(narrows: Narrows, run_id: int, offset: int) -> Entry:
    """The entry that is told at an offset, whole.

    Raises:
        NotFound: None is told there.
    """
    runs.get(narrows, run_id)
    file = _open(narrows, run_id)
    if file is not None:
        with file:
            if transcripts.aligned(file, offset) == offset:
                line = next(transcripts.lines(file, offset), None)
                if line and line.entry:
                    return line.entry
    raise NotFound(f"Nothing is told at {offset} in the transcript of run {run_id}.", "Reload the run's page.")


class Follower:
    """Reads on where an open page is; that page shows the items from offset `start` to `offset`."""

    def __init__(self, narrows: Narrows, run_id: int, start: int, offset: int) -> None:
        self._narrows = narrows
        self._run_id = run_id
        self._start = min(start, offset)
        self._fold: Fold | None = None
        self.offset = offset

    def news(self, *, ended: bool) -> News:
        """What was told since the last call, up to some entries; nothing once all is told."""
        file = _open(self._narrows, self._run_id)
        if file is None:
            return News()
        with file:
            fold = self._fold = self._fold or self._shown(file)
            added: dict[int, Item] = {}
            changed: dict[int, Item] = {}
            for line in transcripts.lines(file, self.offset, ended=ended):
                fresh = fold.begins(line.entry)
                if item := fold.add(line):
                    place = added if fresh or item.offset in added else changed
                    place[item.offset] = item
                self.offset = line.end
                if len(added) + len(changed) >= LIVE:
                    break
        return News(list(added.values()), list(changed.values()))

    def _shown(self, file: BinaryIO) -> Fold:
        fold = Fold()
        for line in takewhile(lambda line: line.offset < self.offset, transcripts.lines(file, self._start)):
            fold.add(line)
        return fold


def tell(narrows: Narrows, run_id: int, offset: int = 0, limit: int = TEXT) -> Told:
    """The transcript from byte `offset` on: about `limit` bytes of whole lines, at least one.

    Raises:
        NotFound: No such run.
    """
    run = runs.get(narrows, run_id)
    file = _open(narrows, run_id)
    if file is None:
        text, end = old(narrows, run_id, offset, limit)
        return Told(text, [Entry(EntryKind.MESSAGE, 0.0, text=text)] if text else [], end)
    entries: list[Entry] = []
    with file:
        before = _before(file, offset)
        end = offset
        for line in transcripts.lines(file, offset, ended=run.over):
            if end > offset and line.end - offset > limit:
                break
            end = line.end
            if line.entry:
                entries.append(line.entry)
    text = "".join(transcript_text.pieces(entries, before))
    return Told(text, folded(entries), end)


def whole(narrows: Narrows, run_id: int) -> Iterator[bytes]:
    """All of it as text, block by block. Raises: NotFound, at once."""
    run = runs.get(narrows, run_id)
    return _gathered(_whole(narrows, run))


def _gathered(pieces: Iterator[str]) -> Iterator[bytes]:
    """Small pieces in blocks: each block that is sent costs as much as any other."""
    block: list[str] = []
    size = 0
    for piece in pieces:
        block.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield "".join(block).encode()
            block, size = [], 0
    yield "".join(block).encode()


def _whole(narrows: Narrows, run: Run) -> Iterator[str]:
    file = _open(narrows, run.id)
    if file is None:
        yield from _old_lines(narrows, run.id)
        return
    with file:
        told = (line.entry for line in transcripts.lines(file, ended=run.over) if line.entry)
        yield from transcript_text.pieces(told)


def _old_lines(narrows: Narrows, run_id: int) -> Iterator[str]:
    file = files.open_to_read(_old_file(narrows, run_id))
    if file is not None:
        with file:
            while line := file.readline(BLOCK):
                yield terminal.plain(line.decode("utf-8", "replace"))


def stream(narrows: Narrows, run_id: int) -> Iterator[bytes]:
    """What was exchanged with the agent, as it was.

    Raises:
        NotFound: No such run, or nothing was exchanged.
    """
    runs.get(narrows, run_id)
    file = files.open_to_read(narrows.run_folder(run_id) / "stream.jsonl")
    if file is None:
        raise NotFound(f"Run {run_id} has no raw stream.", "Its agent has said nothing yet, or has no such stream.")
    return _blocks(file)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def has_stream(narrows: Narrows, run_id: int) -> bool:
    """Whether there is a raw stream."""
    return (narrows.run_folder(run_id) / "stream.jsonl").is_file()


def is_old(narrows: Narrows, run_id: int) -> bool:
    """Whether the run is from before transcripts had entries: it has plain text."""
    return not (narrows.run_folder(run_id) / "transcript.jsonl").is_file() and _old_file(narrows, run_id).is_file()


def old(narrows: Narrows, run_id: int, offset: int = 0, limit: int = TEXT) -> tuple[str, int]:
    """The plain text of an old run from byte `offset` on, and the next offset; cut at whole characters."""
    file = files.open_to_read(_old_file(narrows, run_id))
    if file is None:
        return "", offset
    with file:
        file.seek(offset)
        data = file.read(limit)
    text = data.decode("utf-8", "ignore" if len(data) == limit else "replace")
    return text, offset + (len(text.encode()) if len(data) == limit else len(data))


def old_end(narrows: Narrows, run_id: int) -> tuple[str, bool]:
    """The end of an old run's plain text, and whether it has more above."""
    path = _old_file(narrows, run_id)
    start = max(0, (path.stat().st_size if path.is_file() else 0) - TEXT)
    text, _ = old(narrows, run_id, start)
    return (text.partition("\n")[2] if start else text), start > 0


def _old_file(narrows: Narrows, run_id: int) -> Path:
    return narrows.run_folder(run_id) / "transcript.log"


def _open(narrows: Narrows, run_id: int) -> BinaryIO | None:
    return files.open_to_read(narrows.run_folder(run_id) / "transcript.jsonl")


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _before(file: BinaryIO, offset: int) -> Entry | None:
    """The entry of the line that ends at an offset, if it is not too long."""
    start = max(0, offset - BLOCK)
    file.seek(start)
    line = file.read(offset - start).removesuffix(b"\n").rpartition(b"\n")[2]
    return transcripts.read(line) if line else None
