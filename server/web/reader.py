"""The rows of a comparison's files with what was said about them: comments, and those still being typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from server.domain.diff import Comparison, FileOutline, Look
from server.domain.review import Fit, Side
from server.reading import rows
from server.services import comparisons, drafts, renderings
from server.services.anchors import Placed
from server.services.narrows import Narrows
from server.services.renderings import Picture, Rendered

Line = tuple[str, int]
NOTHING = Markup("")
PIECE = 15  # chunks of rows that are loaded at once; the rest of a file follows when it is reached
_PLACE = re.compile(r"(old|new)/(\d+)-(\d+)")


@dataclass(frozen=True)
class Place:
    """Where a comment stands or is about to: a file by its position in what is compared, and lines of it.

    `position` None: the change, or its report where `report`.
    """

    change_id: int
    revision: int
    position: int | None = None
    side: str = Side.NEW.value
    line: int | None = None
    end_line: int | None = None
    since: int | None = None
    report: bool = False

    @property
    def key(self) -> str:
        """Where what is typed there is kept."""
        where = ("report" if self.report else "change") if self.position is None else str(self.position)
        lines = f"{self.side}/{self.line}-{self.end_line or self.line}" if self.line else "whole"
        return f"{keys(self.change_id, self.revision, self.since)}{where}/{lines}"

    @property
    def words(self) -> str:
        """The place as a person says it."""
        if self.line is None:
            return ("the report" if self.report else "the change") if self.position is None else "the file"
        side = "old " if self.side == Side.OLD else ""
        if self.end_line in (None, self.line):
            return f"{side}line {self.line}"
        return f"{side}lines {self.line} to {self.end_line}"


def keys(change_id: int, revision: int, since: int | None = None) -> str:
    """What the keys of all comments being typed on a revision, as it is compared, start with."""
    return f"change/{change_id}/comment/{revision}{f'-since-{since}' if since else ''}/"


@dataclass(frozen=True)
class Piece:
    """Rows of a file as HTML; `next` is the chunk that the following piece starts with, None at the end."""

    html: Markup
    next: int | None = None
    rows: int = 0
    coloured: bool = True
    empty: str = ""  # why there are no rows, as a sentence
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    above: Markup = NOTHING  # what was said about the file, and about lines that are not shown


def stands(here: Placed) -> bool:
    """Whether a comment has a file, and lines where it has any, in what is compared."""
    return here.path is not None and (here.fit is not Fit.GONE or here.then)


class Reader:
    """Reads the files of one comparison, as it is looked at."""

    def __init__(
        self, templates: Environment, narrows: Narrows, comparison: Comparison, look: Look, placed: Sequence[Placed]
    ) -> None:
        self._templates = templates
        self._narrows = narrows
        self._comparison = comparison
        self._look = look
        self._placed = [here for here in placed if stands(here)]
        self._keys = keys(comparison.change_id, comparison.number, comparison.since)
        self._typed = drafts.find(narrows, self._keys)
        self._coming: Iterator[tuple[int, Rendered]] = iter(())
        self._most: int | None = None  # chunks of an expected file
        self._paths: dict[int, str] = {}

    def expect(self, files: Iterable[FileOutline], *, whole: bool) -> None:
        """These will be asked for in this order, each `whole` or its first piece: many are got at once.

        They are not looked at before the first one is asked for.
        """
        self._most = None if whole else PIECE
        self._coming = renderings.all(self._narrows, self._comparison, self._look, self._noted(files))

    def _noted(self, files: Iterable[FileOutline]) -> Iterator[FileOutline]:
        for file in files:
            self._paths[file.position] = file.path
            yield file

    def expected(self, position: int) -> Piece:
        """The next of the files that were expected."""
        found, made = next(self._coming)
        assert found == position, "files are asked for in the order in which they were expected"
        return self._piece(position, made, 0, self._most or len(made.chunks))

    def piece(self, position: int, start: int = 0, *, whole: bool = False, patient: bool = False) -> Piece:
        """Rows of a file from chunk `start` on.

        Args:
            whole: Of all its lines, also those that did not change.
            patient: Coloured, however long that takes.

        Raises:
            NotFound: The comparison has no such file.
        """
        if whole:
            made = renderings.whole(self._narrows, self._comparison, position, self._look)
        else:
            made = renderings.file(self._narrows, self._comparison, position, self._look, patient=patient)
        return self._piece(position, made, start, start + PIECE)

    def _piece(self, position: int, made: Rendered, start: int, end: int) -> Piece:
        talk = self._talk(position)
        chunks, hidden = rows.below(made.chunks, talk) if talk else (made.chunks, [])
        above = [*self._about(position), *(talk[line] for line in hidden)] if start == 0 else []
        return Piece(
            html=Markup(rows.page(chunks[start:end])),  # escaped, row by row
            next=end if end < len(chunks) else None,
            rows=made.rows,
            coloured=made.coloured,
            empty=made.empty,
            notes=made.notes,
            pictures=made.pictures,
            above=Markup("").join(Markup(html) for html in above),
        )

    def _talk(self, position: int) -> dict[Line, str]:
        """What stands below lines of a file: comments, and those being typed."""
        said: dict[Line, str] = {}
        for here in self._of(position):
            if here.end_line is not None:
                line = (here.side.value, here.end_line)
                said[line] = said.get(line, "") + self._comment(here)
        for place in self._being_typed(position):
            line = (place.side, place.end_line or 0)
            said[line] = said.get(line, "") + self._form(place)
        return said

    def _about(self, position: int) -> Iterator[str]:
        """What was said about a file as a whole."""
        for here in self._of(position):
            if here.end_line is None:
                yield self._comment(here)
        whole = Place(self._comparison.change_id, self._comparison.number, position, since=self._comparison.since)
        if whole.key in self._typed:
            yield self._form(whole)

    def _of(self, position: int) -> Iterator[Placed]:
        if not self._placed:
            return
        if position not in self._paths:
            files = comparisons.outline(self._narrows, self._comparison)
            self._paths |= {row.position: row.path for row in files}
        yield from (here for here in self._placed if here.path == self._paths.get(position))

    def _being_typed(self, position: int) -> Iterator[Place]:
        prefix = f"{self._keys}{position}/"
        for key in self._typed:
            if key.startswith(prefix) and (match := _PLACE.fullmatch(key.removeprefix(prefix))):
                yield Place(
                    self._comparison.change_id,
                    self._comparison.number,
                    position,
                    match[1],
                    int(match[2]),
                    int(match[3]),
                    self._comparison.since,
                )

    def _comment(self, here: Placed) -> str:
        return self._templates.get_template("comments/_comment.html").render(comment=here.comment, here=here)

    def _form(self, place: Place) -> str:
        form = self._templates.get_template("comments/_form.html")
        return form.render(place=place, body=self._typed.get(place.key, ""), error=None, restored=True)
