"""The sheet of one change: all that its page shows, but for the rows of the diff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from server.domain.base import shown
from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import NarrowsError
from server.domain.event import Event
from server.domain.question import TOOLS
from server.domain.review import Comment, CommentState
from server.domain.run import Run
from server.domain.states import ChangeState, QuestionState
from server.services import assessments, checks, desk, drafts, events, landings, revisions
from server.services.assessments import Objected
from server.services.narrows import Narrows
from server.web import rendering
from server.web.files import File, outline
from server.web.reader import Reader

HISTORY = 200  # events


@dataclass(frozen=True)
class Sheet:
    """A change as read at `revision` (None: it has none yet), which is the newest one unless `older`."""

    seen: desk.Sheet
    revision: Revision | None
    checks: list[Check]
    files: list[File]
    aside: list[File]  # code that came along with a report
    history: list[Event]

    @property
    def older(self) -> bool:
        return self.revision is not self.seen.revision

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
    def earlier(self) -> list[Comment]:
        """Comments on revisions before the one shown."""
        shown_number = self.revision.number if self.revision else 0
        return [comment for comment in self.seen.comments if comment.revision < shown_number]

    @property
    def general(self) -> list[Comment]:
        """Comments on the revision shown as a whole."""
        return [comment for comment in self._here if comment.path is None]

    @property
    def commented(self) -> dict[str, int]:
        """How many comments each file has, by its shown name."""
        counts: dict[str, int] = {}
        for comment in self._here:
            if comment.path is not None:
                counts[shown(comment.path)] = counts.get(shown(comment.path), 0) + 1
        return counts

    @property
    def _here(self) -> list[Comment]:
        return [c for c in self.seen.comments if self.revision and c.revision == self.revision.number]


def build(narrows: Narrows, change_id: int, number: int | None = None, *, everything: bool = False) -> Sheet:
    """The sheet of a change at one of its revisions, the newest by default.

    Args:
        everything: Show every file at once, for a reader without JavaScript.

    Raises:
        NotFound: No such change, or no such revision of it.
    """
    seen = desk.sheet(narrows, change_id)
    revision = seen.revision
    if number is not None and (revision is None or revision.number != number):
        revision = revisions.get(narrows, change_id, number)
    newest = revision is seen.revision
    return Sheet(
        seen=seen,
        revision=revision,
        checks=seen.checks if newest or revision is None else checks.of_revision(narrows, revision.id),
        files=outline(narrows, revision, -1 if everything else 2) if revision else [],
        aside=_aside(narrows, revision),
        history=events.of_change(narrows, change_id)[-HISTORY:],
    )


def _aside(narrows: Narrows, revision: Revision | None) -> list[File]:
    aside = revisions.aside(narrows, revision) if revision else None
    return outline(narrows, aside, 0) if aside else []


@dataclass(frozen=True)
class Bar:
    """The form at the foot of the sheet: which one is open, what is typed in it, and what was said against it."""

    open: str = ""  # "land", "send back", or none
    message: str = ""
    acknowledged: tuple[str, ...] = ()
    error: NarrowsError | None = None

    @property
    def objections(self) -> list[assessments.Objection]:
        """What a refused landing must acknowledge, beyond what was known before."""
        return self.error.assessment.warnings if isinstance(self.error, Objected) else []

    @property
    def blockers(self) -> list[assessments.Objection]:
        return self.error.assessment.blockers if isinstance(self.error, Objected) else []


def opened(narrows: Narrows, change_id: int, form: str) -> Bar:
    """The bar with a form open, filled with what was typed there before, or with what fits."""
    key = draft_key(change_id, form)
    typed = drafts.find(narrows, key).get(key, "")
    if form == "land":
        return Bar(form, typed or landings.default_message(narrows, change_id))
    return Bar(form, typed or _moved(narrows, change_id))


def _moved(narrows: Narrows, change_id: int) -> str:
    """What to say of a conflict; nothing where the repository can't be asked, which must not stop a person's words."""
    try:
        return landings.conflict_prompt(narrows, change_id)
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
    change, revision = sheet.seen.change, sheet.revision
    reader = Reader(rendering.templates(request), narrows, change, revision) if revision else None
    return rendering.page(
        request,
        narrows,
        "changes/show.html",
        status=status,
        block="bar",
        sheet=sheet,
        bar=bar or Bar(),
        reader=reader,
        verbs=TOOLS,
        live=f"/live?watch=change&number={change.id}",
        **context,
    )
