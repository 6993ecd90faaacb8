"""The sheet of one change: all that its page shows, but for the rows of the diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.diff import Comparison, FileOutline, renames_unsought
from server.domain.errors import NarrowsError
from server.domain.event import Event
from server.domain.flag import Flag
from server.domain.project import LandingMethod
from server.domain.question import TOOLS
from server.domain.review import Comment, CommentState
from server.domain.risk import Counterproof, Coverage, Risk
from server.domain.run import Run
from server.domain.states import ChangeState, QuestionState, Turn
from server.domain.task import Kind
from server.reading import order
from server.services import (
    anchors,
    assessments,
    attempts,
    checkouts,
    checks,
    clocks,
    comparisons,
    conflicts,
    counterproofs,
    coverage,
    desk,
    drafts,
    events,
    flags,
    messages,
    patterns,
    rebases,
    reentry,
    revisions,
    risks,
    shapes,
    splits,
    viewed,
)
from server.services.anchors import Placed
from server.services.assessments import Objected
from server.services.narrows import Narrows
from server.services.patterns import Patterns
from server.services.reentry import Reentry
from server.services.shapes import Shape
from server.web import rendering
from server.web.files import File, outline
from server.web.looks import Asked
from server.web.methods import METHODS
from server.web.reader import Reader, stands

HISTORY = 200  # events
AT_ONCE = 20_000  # changed lines that stand on a page at once, so that the browser's own search finds them all
REPEATED = "only the edits shown above"  # why a file is folded
FIRST = 1_000  # changed lines that stand there at once of a larger one; other files follow as they are reached


@dataclass(frozen=True)
class Group:
    """Files that are read one after the other, and why here."""

    why: str
    files: list[File]


@dataclass(frozen=True)
class Beside:
    """Every attempt at a change's task, where there are several; and those abandoned for it that still are."""

    every: Sequence[Change] = ()
    left_behind: Sequence[Change] = ()

    @classmethod
    def of(cls, narrows: Narrows, change: Change) -> Beside:
        every = attempts.beside(narrows, change)
        return cls(every, attempts.left_behind(every, change))


@dataclass(frozen=True)
class Sheet:
    """A change as read at `revision` (None: it has none yet), which is the newest one unless `older`.

    What is only needed below the head of its page, and asks nobody, is made when the page comes to it.
    """

    seen: desk.Sheet
    asked: Asked
    revision: Revision | None
    comparison: Comparison | None
    checks: list[Check]
    outline: list[FileOutline]  # of the comparison: all of its files
    aside: list[File]  # code that came along with a report
    placed: list[Placed]  # every comment so far, as it stands at this revision
    viewed: set[int]  # positions of files that the person marked
    flags: list[Flag]
    counterproof: Counterproof | None  # its tests on the code before
    risk: Risk | None  # None: it was not looked at yet
    coverage: Coverage | None  # None: its checks left no data about it
    judged: list[Check]  # of its last landing
    clock: float  # seconds that this revision was read so far
    history: list[Event]
    moved: int  # commits by which the target moved on since
    patterns: Patterns | None = None  # of upkeep; None: nobody has looked yet
    shape: Shape | None = None  # of a refactoring, in the same way
    attempts: Beside = Beside()  # at the same task
    reentry: Reentry | None = None  # for a person who comes back to it

    @property
    def split(self) -> splits.Split | None:
        """What its agent left out of it, where it was asked to."""
        return splits.of(self.seen.runs, self.seen.revisions)

    @property
    def splittable(self) -> bool:
        """Whether its agent can be asked to split what is shown."""
        if self.revision is None or self.older:
            return False
        return splits.may_ask(self.seen.change, self.seen.task.kind, self.seen.project, self.revision)

    @property
    def older(self) -> bool:
        return self.revision is not self.seen.revision

    @property
    def editable(self) -> bool:
        """Whether the person can change it by hand now: a change with code, in review, at its newest revision."""
        state = self.seen.change.state
        return state is ChangeState.IN_REVIEW and not self.older and self.seen.task.kind is not Kind.RESEARCH

    @property
    def reading(self) -> bool:
        """Whether the time that goes by on this page is a revision's reading."""
        return self.revision is not None and self.seen.change.turn is Turn.YOURS

    @cached_property
    def wanted(self) -> list[FileOutline]:
        """The files that the filter leaves, in git's order."""
        part = self.asked.path.lower()
        return [row for row in self.outline if part in shown(row.path).lower()] if part else self.outline

    @cached_property
    def groups(self) -> list[Group]:
        """The same in reading order; all stand on the page at once, or of too many lines a first look's."""
        left = self.lines if self.whole else FIRST
        groups: list[Group] = []
        for group in self._ordered:
            files: list[File] = []
            for place in group.places:
                row = self.wanted[place]
                changed = (row.additions or 0) + (row.deletions or 0)
                again = REPEATED if row.position in self._repeated else ""
                files.append(File.of(row, eager=not (groups or files) or left >= changed, folded=again))
                left -= changed
            groups.append(Group(group.why, files))
        return groups

    @property
    def _repeated(self) -> frozenset[int]:
        """The positions of files in which there is nothing but edits that stand above the diff."""
        return self.patterns.folded if self.patterns else frozenset()

    @property
    def _ordered(self) -> Iterator[order.Group]:
        """The files that the filter leaves in reading order; those that say nothing new at the end."""
        again = []
        for group in order.groups(self.wanted):
            again += [place for place in group.places if self.wanted[place].position in self._repeated]
            if places := [place for place in group.places if self.wanted[place].position not in self._repeated]:
                yield order.Group(group.why, places)
        if again:
            yield order.Group(f"Folded: {REPEATED}", again)

    @property
    def files(self) -> Iterator[File]:
        return (file for group in self.groups for file in group.files)

    @property
    def eager(self) -> Iterator[FileOutline]:
        """The files that stand on the page at once, in reading order."""
        rows = {row.position: row for row in self.wanted}
        yield from (rows[file.position] for file in self.files if file.eager)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The position of every file of the comparison, by its path."""
        return {row.path: row.position for row in self.outline}

    @property
    def shown_places(self) -> Mapping[str, int]:
        """The same by the paths as they are shown, for what names lines that way."""
        return {shown(path): position for path, position in self.places.items()} if self.coverage else {}

    @property
    def whole(self) -> bool:
        """Whether every line stands on the page at once."""
        return self.asked.everything or (self._fits and not self.asked.glance)

    @property
    def _fits(self) -> bool:
        return self.lines <= AT_ONCE

    @property
    def fills(self) -> bool:
        """Whether the files that are not on the page yet come by themselves, since all of them fit."""
        return self.asked.glance and self._fits

    @property
    def renames_unsought(self) -> bool:
        """Whether more files may be renamed than are said to be."""
        return renames_unsought(row.status for row in self.outline)

    @property
    def hidden(self) -> int:
        """How many files the filter leaves out."""
        return len(self.outline) - len(self.wanted)

    @cached_property
    def additions(self) -> int:
        return sum(row.additions or 0 for row in self.wanted)

    @cached_property
    def deletions(self) -> int:
        return sum(row.deletions or 0 for row in self.wanted)

    @property
    def lines(self) -> int:
        """How many are changed."""
        return self.additions + self.deletions

    @property
    def since(self) -> int | None:
        """The number of the earlier revision that this one is compared with; None: its base."""
        return self.comparison.since if self.comparison else None

    @property
    def run(self) -> Run | None:
        return self.seen.runs[-1] if self.seen.runs else None

    @property
    def asks(self) -> bool:
        """Whether an agent stands still until a question is answered."""
        return any(question.state is QuestionState.OPEN for question in self.seen.questions)

    @property
    def said(self) -> str:
        """The agent's words on what is shown; its last ones, where it left nothing and a person must say what now."""
        if self.seen.change.state is ChangeState.NEEDS_ATTENTION and not self.older and self.run and self.run.summary:
            return self.run.summary
        return self.revision.summary if self.revision and not self.revision.report else ""

    @property
    def drafted(self) -> int:
        return sum(comment.state is CommentState.DRAFT for comment in self.seen.comments)

    @property
    def sent(self) -> list[Comment]:
        """The comments that its agent was given so far."""
        return [comment for comment in self.seen.comments if comment.state is not CommentState.DRAFT]

    @property
    def general(self) -> list[Comment]:
        """Comments on the change as a whole, of this revision and those before it."""
        return [here.comment for here in self.placed if here.comment.path is None and here.comment.line is None]

    @property
    def outdated(self) -> list[Placed]:
        """Comments whose lines, or whose file, are not on this page."""
        return [
            here
            for here in self.placed
            if here.comment.path is not None and not (stands(here) and here.path in self.places)
        ]

    @property
    def earlier(self) -> list[Placed]:
        """Comments of earlier revisions, for the list that says what became of each."""
        number = self.revision.number if self.revision else 0
        return [here for here in self.placed if here.comment.revision < number]

    @cached_property
    def commented(self) -> Mapping[int, int]:
        """How many comments stand in each file, by its position."""
        here = (self.places.get(each.path or "") for each in self.placed if stands(each))
        return Counter(position for position in here if position is not None)


def build(narrows: Narrows, change_id: int, asked: Asked | None = None) -> Sheet:
    """The sheet of a change as it was asked for: at its newest revision by default, since the one that was read last.

    Raises:
        NotFound: No such change, or no such revision of it.
    """
    asked = asked or Asked()
    seen = desk.sheet(narrows, change_id)
    revision = seen.revision
    if asked.revision is not None and (revision is None or revision.number != asked.revision):
        revision = revisions.get(narrows, change_id, asked.revision)
    comparison = _comparison(narrows, seen, revision, asked)
    marked = viewed.viewed(narrows, comparison) if comparison else set()
    newest = comparison is not None and revision is seen.revision
    return Sheet(
        seen=seen,
        asked=asked.of(revision.number, comparison.since) if revision and comparison else asked,
        revision=revision,
        comparison=comparison,
        checks=seen.checks
        if revision is None or revision is seen.revision
        else checks.of_revision(narrows, revision.id),
        outline=comparisons.outline(narrows, comparison) if comparison else [],
        aside=_aside(narrows, revision),
        placed=anchors.placed(narrows, change_id, revision.number, comparison.since) if revision and comparison else [],
        viewed=marked,
        flags=flags.of_revision(narrows, revision.id) if revision else [],
        counterproof=counterproofs.of_revision(narrows, revision.id) if revision else None,
        risk=risks.of_revision(narrows, revision.id) if revision else None,
        coverage=coverage.of_revision(narrows, revision.id) if revision else None,
        judged=checks.of_landing(narrows, seen.landings[-1].id) if seen.landings else [],
        clock=clocks.of_change(narrows, change_id).get(revision.number, 0) if revision else 0,
        history=events.of_change(narrows, change_id)[-HISTORY:],
        moved=rebases.moved(narrows, seen.outlook) if seen.outlook else 0,
        patterns=patterns.known(narrows, comparison) if comparison and seen.task.kind is Kind.MAINTENANCE else None,
        shape=shapes.known(narrows, comparison) if comparison and seen.task.kind is Kind.REFACTORING else None,
        attempts=Beside.of(narrows, seen.change),
        reentry=reentry.of(narrows, seen.change, revision, comparison, marked)
        if newest and revision and comparison
        else None,
    )


def _comparison(narrows: Narrows, seen: desk.Sheet, revision: Revision | None, asked: Asked) -> Comparison | None:
    """Since the revision that was asked for; unasked, the newest is read since the one that the person read last."""
    if revision is None:
        return None
    if asked.since is None:
        return comparisons.opening(narrows, seen.change, revision)
    return comparisons.of(narrows, seen.change, revision, asked.since or None)


def _aside(narrows: Narrows, revision: Revision | None) -> list[File]:
    aside = revisions.aside(narrows, revision) if revision else None
    return outline(narrows, aside, 0) if aside else []


@dataclass(frozen=True)
class Bar:
    """The form at the foot of the sheet: which one is open, what is typed in it, and what was said against it."""

    open: str = ""  # "land", "send back", "accept", or none
    message: str = ""
    acknowledged: tuple[str, ...] = ()
    error: NarrowsError | None = None
    method: LandingMethod | None = None  # None: the project's
    insisted: str = ""  # why it lands over a red check
    onto_target: bool = False  # whether its worktree is brought onto the target first

    @property
    def objections(self) -> list[assessments.Objection]:
        """What a refused landing must acknowledge, beyond what was known before."""
        return self.error.assessment.warnings if isinstance(self.error, Objected) else []

    @property
    def blockers(self) -> list[assessments.Objection]:
        return self.error.assessment.blockers if isinstance(self.error, Objected) else []

    @property
    def over_red(self) -> list[assessments.Objection]:
        """The red checks that a refused landing met."""
        return self.error.assessment.over_red if isinstance(self.error, Objected) else []


def opened(narrows: Narrows, change_id: int, form: str) -> Bar:
    """The bar with a form open, filled with what was typed there before, or with what fits."""
    if form == "accept":
        return Bar(form)
    key = draft_key(change_id, form)
    kept = drafts.find(narrows, key)
    typed = kept.get(key, "")
    if form == "land":
        message = messages.completed(narrows, change_id, typed)
        unchanged = message.rstrip() == typed.rstrip()  # no trailer is missing: it stays to the letter
        return Bar(form, typed if unchanged else message, insisted=kept.get(f"{key}-insist", ""))
    moved = _moved(narrows, change_id)
    return Bar(form, typed or moved, onto_target=bool(moved))


def _moved(narrows: Narrows, change_id: int) -> str:
    """What to say of a conflict; nothing where the repository can't be asked, which must not stop a person's words."""
    try:
        return conflicts.prompt(narrows, change_id)
    except NarrowsError:
        return ""


def draft_key(change_id: int, form: str) -> str:
    """Where what is typed into a form of a change is kept."""
    return f"change/{change_id}/{form.replace(' ', '-')}"


def response(
    request: Request,
    narrows: Narrows,
    sheet: Sheet,
    bar: Bar | None = None,
    *,
    status: int = 200,
    **context: Any,
) -> Response:
    """The sheet as a page, or only its bar where htmx asks for that."""
    change = sheet.seen.change
    decides = bar is not None and bar.open in ("land", "send back")
    reader = None
    if sheet.comparison:
        reader = Reader(rendering.templates(request), narrows, sheet.comparison, sheet.asked.look, sheet.placed)
        reader.expect(sheet.eager, whole=sheet.whole)
    return rendering.page(
        request,
        narrows,
        "changes/show.html",
        status=status,
        block="bar",
        sheet=sheet,
        bar=bar or Bar(),
        methods=METHODS,
        earlier=messages.earlier(narrows, change.id) if bar and bar.open == "land" else [],
        untaken=checkouts.untaken(narrows, change, sheet.seen.revision) if decides and sheet.seen.revision else [],
        stream=True,
        reader=reader,
        verbs=TOOLS,
        live=f"/live?watch=change&number={change.id}",
        **context,
    )
