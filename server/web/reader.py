"""The rows of a revision's files with what was said about them: comments, and those still being typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jinja2 import Environment
from markupsafe import Markup

from server.domain.change import Change, Revision
from server.domain.diff import FileDiff
from server.domain.review import Comment, Side
from server.services import drafts, reviews, revisions
from server.services.narrows import Narrows
from server.web import files

Line = tuple[str, int]
_PLACE = re.compile(r"(old|new)/(\d+)-(\d+)")


@dataclass(frozen=True)
class Place:
    """Where a comment stands or is about to: a file by its position in the diff (None: the change), and lines."""

    change_id: int
    revision: int
    position: int | None = None
    side: str = Side.NEW.value
    line: int | None = None
    end_line: int | None = None

    @property
    def key(self) -> str:
        """Where what is typed there is kept."""
        where = "change" if self.position is None else str(self.position)
        lines = f"{self.side}/{self.line}-{self.end_line or self.line}" if self.line else "whole"
        return f"{keys(self.change_id, self.revision)}{where}/{lines}"

    @property
    def words(self) -> str:
        """The place as a person says it."""
        if self.position is None:
            return "the change"
        if self.line is None:
            return "the file"
        side = "old " if self.side == Side.OLD else ""
        if self.end_line in (None, self.line):
            return f"{side}line {self.line}"
        return f"{side}lines {self.line} to {self.end_line}"


def keys(change_id: int, revision: int) -> str:
    """What the keys of all comments being typed on a revision start with."""
    return f"change/{change_id}/comment/{revision}/"


class Reader:
    """Reads the files of one revision of a change."""

    def __init__(self, templates: Environment, narrows: Narrows, change: Change, revision: Revision) -> None:
        self._templates = templates
        self._narrows = narrows
        self._revision = revision
        self._change = change
        self._comments = [c for c in reviews.comments(narrows, change.id) if c.revision == revision.number]
        self._typed = drafts.find(narrows, keys(change.id, revision.number))

    def piece(self, position: int, start: int = 0) -> files.Piece:
        """Rows of a file from row `start` on. What was said about lines that the diff does not show goes on top."""
        file = revisions.file(self._narrows, self._revision, position)
        below = self._below(file, position)
        made = files.piece(self._narrows, self._revision, file, start, below)
        if start:
            return made
        above = [html for line, html in below.items() if line not in made.lines]
        above += [self._comment(c) for c in self._comments if c.path == file.path and c.line is None]
        whole = Place(self._change.id, self._revision.number, position)
        if whole.key in self._typed:
            above.append(self._form(whole))
        return replace(made, above=Markup("").join(Markup(html) for html in above))

    def _below(self, file: FileDiff, position: int) -> dict[Line, str]:
        said: dict[Line, str] = {}
        for comment in self._comments:
            if comment.path == file.path and comment.line is not None:
                line = (comment.side.value, comment.end_line or comment.line)
                said[line] = said.get(line, "") + self._comment(comment)
        for place in self._being_typed(position):
            line = (place.side, place.end_line or 0)
            said[line] = said.get(line, "") + self._form(place)
        return said

    def _being_typed(self, position: int) -> Sequence[Place]:
        prefix = f"{keys(self._change.id, self._revision.number)}{position}/"
        found = [_PLACE.fullmatch(key.removeprefix(prefix)) for key in self._typed if key.startswith(prefix)]
        return [
            Place(self._change.id, self._revision.number, position, match[1], int(match[2]), int(match[3]))
            for match in found
            if match
        ]

    def _comment(self, comment: Comment) -> str:
        return self._templates.get_template("comments/_comment.html").render(comment=comment)

    def _form(self, place: Place) -> str:
        form = self._templates.get_template("comments/_form.html")
        return form.render(place=place, body=self._typed.get(place.key, ""), error=None, restored=True)
