"""Files of a comparison as HTML: made once, kept by what they were made from, and made ahead in the background."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice

from server.domain.base import shown
from server.domain.diff import Comparison, FileDiff, FileOutline, Look, View
from server.domain.errors import NarrowsError, NotFound
from server.domain.task import Kind
from server.git import blobs, diffs
from server.reading import file_notes, images, order, rows, whole_file, words
from server.reading.rows import Row, RowKind
from server.services import colouring, comparisons, moved_lines, patterns, preferences, shapes
from server.services.colouring import Side, Source
from server.services.moved_lines import Marks
from server.services.narrows import Narrows
from server.store import queries

PAGE_SECONDS = 0.4  # for making what a page needs and is not kept; then the rest of it comes plain
FIRST, MOST = 4, 64  # files of a page that are asked for at once: few at first, so that it begins
MADE_AT_ONCE = 8  # files of a page that are not kept
LIGHTEST = 40  # bytes that a file costs beside its own, so that a flood of small ones is not taken for light
TOGETHER = 32  # files that are prepared together
COMPARED = 3  # comparisons of a revision that are prepared
LARGEST_IMAGE = 20_000_000  # bytes
LARGEST_WHOLE = 20_000_000  # bytes of a file that is shown with all its lines
WORD_SECONDS = 0.1  # for finding which words of a file changed while somebody waits
PATIENT_WORD_SECONDS = 2.0

LOOK = Look()
NO_END = '<i class="end"></i>'  # as `rows.html` marks a last line without its end


@dataclass(frozen=True, slots=True)
class Picture:
    """One side of a file that is a picture: "old" or "new", bytes, and pixels where they are known."""

    side: str
    size: int
    pixels: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file's rows as HTML, in chunks of at most `rows.CHUNK` lines.

    `rows` counts the lines of all chunks. `coloured` False: plain for now, `file` with patience gives what should take
    its place. `empty` says why there are no rows. `notes` stand above them; like `empty` they are text and no HTML.
    """

    chunks: list[str]
    rows: int
    coloured: bool = True
    empty: str = ""
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()


def file(
    narrows: Narrows, comparison: Comparison, position: int, look: Look = LOOK, *, patient: bool = False
) -> Rendered:
    """A file of it, by its place in git's order.

    Args:
        patient: Make all of it, however long that takes; otherwise what takes long is left out for now.

    Raises:
        NotFound: It has no such file.
    """
    diff = comparisons.file(narrows, comparison, position)
    marks = moved_lines.find(narrows, comparison, patient=patient)
    mine = moved_lines.of(marks, position)
    key, plain = _key(diff, look, mine), _key(diff, look, mine, "plain")
    kept = colouring.store(narrows).get([key] if patient else [key, plain])
    if text := kept.get(key, kept.get(plain)):
        return _checked(_unpacked(text), marks)
    made, sound = _make(narrows, comparison, diff, look, mine, patient=patient)
    if sound and (made.coloured or made.rows > rows.CHUNK):  # a few plain rows are sooner made than kept
        colouring.store(narrows).put({key if made.coloured else plain: _packed(made)})
    return _checked(made, marks)


def all(
    narrows: Narrows, comparison: Comparison, look: Look = LOOK, files: Iterable[FileOutline] | None = None
) -> Iterator[tuple[int, Rendered]]:
    """Many files by their positions, for a page that is sent as it is made; what takes long is left out for now.

    Args:
        files: Which ones, in which order; all in git's order by default.
    """
    wanted = list(comparisons.outline(narrows, comparison) if files is None else files)
    marks = moved_lines.find(narrows, comparison, patient=False)
    hurry = _Hurry(PAGE_SECONDS)
    for part in _growing(wanted):
        keys = {row.position: _key(row, look, moved_lines.of(marks, row.position)) for row in part}
        kept = colouring.store(narrows).get(list(keys.values()))
        missing = [row.position for row in part if keys[row.position] not in kept]
        making = _in_turn(narrows, comparison, look, missing, marks, hurry)
        for row in part:
            text = kept.get(keys[row.position])
            yield row.position, _checked(_unpacked(text) if text else next(making), marks)


def whole(narrows: Narrows, comparison: Comparison, position: int, look: Look = LOOK) -> Rendered:
    """A file of it with all its lines, also those that are the same on both sides.

    Raises:
        NotFound: It has no such file.
    """
    diff = comparisons.file(narrows, comparison, position)
    marks = moved_lines.find(narrows, comparison, patient=True)
    key = _key(diff, look, moved_lines.of(marks, position), "whole")
    if kept := colouring.store(narrows).get([key]):
        return _unpacked(kept[key])
    made, sound = _make(narrows, comparison, diff, look, moved_lines.of(marks, position), patient=True, complete=True)
    if sound:
        colouring.store(narrows).put({key: _packed(made)})
    return made


def context(
    narrows: Narrows, comparison: Comparison, position: int, first_new: int, count: int, look: Look = LOOK
) -> str:
    """Rows of the unchanged lines from `first_new` on, by the new file's numbers; none of those that are shown anyway.

    Raises:
        NotFound: It has no such file.
        GitError: The file can't be read any more.
    """
    diff = comparisons.file(narrows, comparison, position)
    parsed = rows.parse(_text(narrows, comparison, diff, look)[0])
    known = {row.new for row in parsed if row.kind is not RowKind.HUNK}
    wanted: list[Row] = []
    for row in whole_file.fill(parsed, _new_lines(narrows, comparison, diff)):
        if row.kind is RowKind.SAME and row.new == first_new + len(wanted) and row.new not in known:
            wanted.append(row)
        elif wanted:
            break
        if len(wanted) == count:
            break
    if not wanted:
        return ""
    _, new = _sources(diff)
    side = colouring.sides(narrows, comparison.project_id, [new], patient=False)[new]
    code = [colouring.html(side, row.new or 0, row.text) + ("" if row.ends else NO_END) for row in wanted]
    return rows.context(wanted[0].old or 0, wanted[0].new or 0, code, look.view)


def prepare(narrows: Narrows, comparison: Comparison, looks: Iterable[Look] = (LOOK,)) -> None:
    """Make and keep all files of it, those that are read first at first."""
    files = comparisons.files(narrows, comparison)
    marks = moved_lines.find(narrows, comparison, patient=True, files=files)
    for look in looks:
        places = order.reading_order(files)
        keys = {place: _key(files[place], look, moved_lines.of(marks, place)) for place in places}
        known = colouring.store(narrows).known(list(keys.values()))
        missing = iter([place for place in places if keys[place] not in known])
        while part := list(islice(missing, TOGETHER)):
            wanted = [each for place in part for each in _needed(files[place], look)]
            sides = colouring.sides(narrows, comparison.project_id, wanted, patient=True)
            made = {
                p: _make(narrows, comparison, files[p], look, moved_lines.of(marks, p), patient=True, sides=sides)
                for p in part
            }
            colouring.store(narrows).put({keys[p]: _packed(one) for p, (one, sound) in made.items() if sound})


def prepare_change(narrows: Narrows, change_id: int) -> None:
    """Prepare a change's newest revision, as it is compared at first, then against its base and the one before it.

    Raises:
        GitError, NotFound: The mirror can't be read.
    """
    looks = dict.fromkeys((preferences.look(narrows), LOOK))
    for comparison in comparisons.prepare(narrows, change_id)[:COMPARED]:
        _prepare_for_kind(narrows, comparison)
        prepare(narrows, comparison, looks)


def _prepare_for_kind(narrows: Narrows, comparison: Comparison) -> None:
    """What is shown above the diff for some kinds of task."""
    with narrows.reading() as db:
        kind = queries.task(db, queries.change(db, comparison.change_id).task_id).kind
    if kind is Kind.MAINTENANCE:
        patterns.find(narrows, comparison)
    elif kind is Kind.REFACTORING:
        shapes.find(narrows, comparison)


def weight(narrows: Narrows, change_id: int) -> int:
    """How many bytes must be looked through to prepare a change's newest revision, each file taken for some more.

    Raises:
        GitError, NotFound: The mirror can't be read.
    """
    with narrows.reading() as db:
        change, revision = queries.change(db, change_id), queries.last_revision(db, change_id)
    if revision is None:
        return 0
    outline = comparisons.outline(narrows, comparisons.of(narrows, change, revision))
    wanted = {each.blob for row in outline for each in _sources(row)}
    return sum(blobs.sizes(narrows.mirror(change.project_id), wanted).values()) + len(outline) * LIGHTEST


def picture(narrows: Narrows, comparison: Comparison, position: int, side: str) -> tuple[str, bytes] | None:
    """One side of a file that is a picture, with its media type; None where it is none.

    Args:
        side: "old" or "new".

    Raises:
        NotFound: It has no such file.
    """
    diff = comparisons.file(narrows, comparison, position)
    wanted = _sources(diff)[side == "new"]
    content = blobs.read(narrows.mirror(comparison.project_id), [wanted.blob], LARGEST_IMAGE).get(wanted.blob, b"")
    media = images.kind(content)
    return (media, content) if media else None


def _make(
    narrows: Narrows,
    comparison: Comparison,
    diff: FileDiff,
    look: Look,
    marks: Marks,
    *,
    patient: bool,
    complete: bool = False,
    sides: Mapping[Source, Side] | None = None,
) -> tuple[Rendered, bool]:
    """A file's HTML, and whether it is what its content gives and may be kept.

    Args:
        complete: With all lines of the file.
        sides: Both sides of it; by default they are looked for.
    """
    text, sound = _text(narrows, comparison, diff, look)
    parsed = rows.parse(text)
    if not parsed:
        made, known = _without_rows(narrows, comparison, diff, only_white_space=text != diff.text)
        return made, sound and known
    if sides is None:
        sides = colouring.sides(narrows, comparison.project_id, _needed(diff, look), patient=patient)
    old, new = (sides.get(each, colouring.ABSENT) for each in _sources(diff))
    if complete:
        try:
            parsed = whole_file.fill(parsed, _new_lines(narrows, comparison, diff))
        except NarrowsError:  # what is stored can be shown
            sound = False
    began = time.monotonic()
    seconds = PATIENT_WORD_SECONDS if patient else WORD_SECONDS
    changed = words.changed(parsed, seconds)
    hurried = not patient and time.monotonic() - began > seconds
    chunks = rows.html(
        parsed,
        view=look.view,
        old=old.lines,
        new=new.lines,
        changed=changed,
        moved=moved_lines.labels(parsed, marks),
        length=new.count,
    )
    pictures, known = _pictures(narrows, comparison, diff) if diff.path.lower().endswith(".svg") else ((), True)
    made = Rendered(
        chunks,
        sum(chunk.count("\n") - 1 for chunk in chunks),
        coloured=old.final and new.final and not hurried,
        notes=tuple(file_notes.of_rows(diff, parsed)),
        pictures=pictures,
    )
    return made, sound and known and old.sound and new.sound


@dataclass(slots=True)
class _Hurry:
    """Seconds that may still be spent on what is not kept."""

    left: float


def _in_turn(
    narrows: Narrows,
    comparison: Comparison,
    look: Look,
    positions: Iterable[int],
    marks: Mapping[int, Marks] | None,
    hurry: _Hurry,
) -> Iterator[Rendered]:
    """Files that are not kept, in the order of their positions, a few made at once; plain when time is up."""
    coming = iter(positions)
    while part := list(islice(coming, MADE_AT_ONCE)):
        began = time.monotonic()
        some = {position: comparisons.file(narrows, comparison, position) for position in part}
        wanted = [each for diff in some.values() for each in _needed(diff, look)]
        if hurry.left > 0:
            sides = colouring.sides(narrows, comparison.project_id, wanted, patient=False)
        else:
            sides = dict.fromkeys(wanted, colouring.LATER)
        done: list[Rendered] = []
        keeping: dict[bytes, str] = {}
        for position, diff in some.items():
            mine = moved_lines.of(marks, position)
            made, sound = _make(narrows, comparison, diff, look, mine, patient=False, sides=sides)
            done.append(made)
            if sound and made.coloured:
                keeping[_key(diff, look, mine)] = _packed(made)
        colouring.store(narrows).put(keeping)
        hurry.left -= time.monotonic() - began
        yield from done


def _without_rows(
    narrows: Narrows, comparison: Comparison, diff: FileDiff, *, only_white_space: bool
) -> tuple[Rendered, bool]:
    if only_white_space:
        return Rendered([], 0, empty="Only white space changed."), True
    contents: dict[str, bytes] = {}
    sizes: dict[str, int] = {}
    mirror, wanted = narrows.mirror(comparison.project_id), {each.blob for each in _sources(diff)}
    known = True
    if diff.binary:
        try:
            sizes = blobs.sizes(mirror, wanted)
            contents = blobs.read(mirror, wanted, LARGEST_IMAGE)
        except NarrowsError:
            known = False
    pictures = _pictures_of(diff, contents)
    return Rendered([], 0, empty=file_notes.why_empty(diff, sizes, contents), pictures=pictures), known


def _pictures(narrows: Narrows, comparison: Comparison, diff: FileDiff) -> tuple[tuple[Picture, ...], bool]:
    try:
        wanted = {each.blob for each in _sources(diff)}
        contents = blobs.read(narrows.mirror(comparison.project_id), wanted, LARGEST_IMAGE)
    except NarrowsError:
        return (), False
    return _pictures_of(diff, contents), True


def _pictures_of(diff: FileDiff, contents: Mapping[str, bytes]) -> tuple[Picture, ...]:
    found = []
    for side, each in zip(("old", "new"), _sources(diff), strict=True):
        content = contents.get(each.blob, b"")
        if images.kind(content):
            found.append(Picture(side, len(content), images.pixels(content)))
    return tuple(found)


def _text(narrows: Narrows, comparison: Comparison, diff: FileDiff, look: Look) -> tuple[bytes, bool]:
    """A file's diff as it is looked at, and whether it is that; where git can't say, the stored one."""
    if look.whitespace:
        return diff.text, True
    try:
        return diffs.file_without_whitespace(narrows.mirror(comparison.project_id), diff), True
    except NarrowsError:
        return diff.text, False


def _sources(row: FileDiff | FileOutline) -> tuple[Source, Source]:
    old = colouring.source(row.old_blob, row.old_path or row.path, row.old_mode)
    return old, colouring.source(row.new_blob, row.path, row.new_mode)


def _needed(diff: FileDiff, look: Look) -> Iterator[Source]:
    """The sides whose lines are shown."""
    old, new = _sources(diff)
    yield new
    if look.view is View.SPLIT or diff.deletions:
        yield old


def _new_lines(narrows: Narrows, comparison: Comparison, diff: FileDiff) -> whole_file.Lines:
    """Raises: GitError or NotFound where they can't be read."""
    new = _sources(diff)[1]
    if not new.blob or not file_notes.is_file(diff.old_mode):  # a new file's lines are all in the diff
        return whole_file.Lines((), end=True)
    content = blobs.read(narrows.mirror(comparison.project_id), [new.blob], LARGEST_WHOLE).get(new.blob)
    if content is None:
        raise NotFound(f"The lines of {shown(diff.path)} can't be read.", "The diff itself is complete.")
    return whole_file.Lines(colouring.text_lines(content), content.endswith(b"\n"))


def _growing(files: Sequence[FileOutline]) -> Iterator[Sequence[FileOutline]]:
    start, size = 0, FIRST
    while start < len(files):
        yield files[start : start + size]
        start, size = start + size, min(2 * size, MOST)


def _key(row: FileDiff | FileOutline, look: Look, marks: Marks, *more: str) -> bytes:
    moved = hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest() if marks else ""
    return colouring.digest(
        "file",
        *(row.old_blob, row.new_blob, row.old_mode, row.new_mode, row.status.value),
        *(colouring.language(row.old_path or row.path), colouring.language(row.path)),
        *(look.view.value, str(look.whitespace), moved, *more),
    )


def _checked(made: Rendered, marks: Mapping[int, Marks] | None) -> Rendered:
    """Where nobody has looked for moved lines yet, rows are not as they will be."""
    return replace(made, coloured=False) if marks is None and made.chunks else made


def _packed(made: Rendered) -> str:
    """What it is, and its chunks: no HTML of ours holds a NUL."""
    about = {**asdict(made), "chunks": []}
    return "\0".join((json.dumps(about), *made.chunks))


def _unpacked(kept: str) -> Rendered:
    about, *chunks = kept.split("\0")
    told = json.loads(about)
    told |= {"chunks": chunks, "notes": tuple(told["notes"])}
    told["pictures"] = tuple(
        Picture(one["side"], one["size"], tuple(one["pixels"]) if one["pixels"] else None) for one in told["pictures"]
    )
    return Rendered(**told)
