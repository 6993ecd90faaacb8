"""A report for its template: passage by passage, with the comments that stand at each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from server.domain.change import Revision
from server.reading.report import Block, Gone, Passage
from server.services import drafts, reports
from server.services.anchors import Placed
from server.services.narrows import Narrows
from server.web.reader import Place, keys

_LINES = re.compile(r"new/(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True)
class Shown:
    """A block; `since`: "", "new", "changed" (then `before` is how it was) or "gone", against the report before."""

    block: Block
    since: str = ""
    before: str = ""  # safe HTML
    comments: list[Placed] = field(default_factory=list)
    typed: list[tuple[Place, str]] = field(default_factory=list)  # comments that are still being typed

    @property
    def html(self) -> Markup:
        return Markup(self.block.html)  # made safe when the block was

    @property
    def lines(self) -> str:
        """Where it is, as a person says it."""
        line, end = self.block.line, self.block.end_line
        return f"line {line}" if line == end else f"lines {line} to {end}"


@dataclass(frozen=True)
class Report:
    """What the page of a report shows. `compared`: the number of the revision before; None: there is none."""

    shown: list[Shown]
    compared: int | None

    @property
    def items(self) -> bool:
        """Whether there is anything to make tasks of."""
        return any(one.block.item for one in self.shown if one.since != "gone")


@pass_context
def report_of(context: Context, revision: Revision, placed: Sequence[Placed]) -> Report:
    """A revision's report with what was said about it."""
    narrows: Narrows = context["request"].app.state.narrows
    before = reports.earlier(narrows, revision)
    shown = [_shown(passage) for passage in reports.passages(revision, before)]
    for here in placed:
        if here.comment.path is None and here.line is not None and (at := _at(shown, here.end_line or here.line)):
            at.comments.append(here)
    for place, text in _being_typed(narrows, revision):
        if at := _at(shown, place.end_line or 0):
            at.typed.append((place, text))
    return Report(shown, before.number if before else None)


def _shown(passage: Passage | Gone) -> Shown:
    if isinstance(passage, Gone):
        return Shown(passage.block, "gone")
    if passage.before:
        return Shown(passage.block, "changed", Markup(passage.before.html))
    return Shown(passage.block, "new" if passage.fresh else "")


def _being_typed(narrows: Narrows, revision: Revision) -> Iterator[tuple[Place, str]]:
    prefix = f"{keys(revision.change_id, revision.number)}report/"
    for key, text in drafts.find(narrows, prefix).items():
        if match := _LINES.fullmatch(key.removeprefix(prefix)):
            lines = int(match[1]), int(match[2])
            yield Place(revision.change_id, revision.number, line=lines[0], end_line=lines[1], report=True), text


def _at(shown: Sequence[Shown], line: int) -> Shown | None:
    """The block that a line is in, or else the last one above it."""
    there = [one for one in shown if one.since != "gone"]
    above = [one for one in there if one.block.line <= line]
    return above[-1] if above else next(iter(there), None)
