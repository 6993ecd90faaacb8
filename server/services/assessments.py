"""What stands against landing a change: blockers, and warnings that are acknowledged by a hash of themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.agent_config import configures_agents
from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.errors import Blocked
from server.domain.task import Kind
from server.services.narrows import Narrows
from server.store import queries

NAMED = 5  # files that a warning names
LARGE = 800  # changed lines; above it a review finds few of the defects (see docs/glossary.md, "Warning")


@dataclass(frozen=True)
class Objection:
    """A blocker (stops a landing) or a warning (must be acknowledged by its hash)."""

    code: str
    message: str
    hint: str = ""

    @property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.code}\0{self.message}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Assessment:
    """What stands against landing a change, as far as it is known without asking git."""

    blockers: list[Objection]
    warnings: list[Objection]


class Objected(Blocked):
    """A landing was refused: `assessment` says by what."""

    def __init__(self, assessment: Assessment) -> None:
        first = (assessment.blockers or assessment.warnings)[0]
        super().__init__(first.message, first.hint or "Acknowledge it to land all the same.")
        self.assessment = assessment


def assess(narrows: Narrows, change_id: int) -> Assessment:
    """Blockers and warnings of a change's newest revision."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        revision = queries.last_revision(db, change_id)
        return assessed(db, change, revision)


def assessed(db: Session, change: Change, revision: Revision | None) -> Assessment:
    blockers, warnings = [], []
    if revision is None:
        return Assessment([Objection("nothing", "There is no revision to land.")], [])
    if queries.task(db, change.task_id).kind is Kind.RESEARCH:
        blockers.append(Objection("report", "A report is accepted, not landed."))
    for check in queries.checks_of_revision(db, revision.id):
        if check.red:
            blockers.append(Objection("red", f"The check `{check.command}` is red.", "Send the change back with it."))
    if configuring := _configuring(db, revision):
        warnings.append(Objection("configures", configuring))
    if drafts := len(queries.drafted_comments(db, change.id)):
        warnings.append(Objection("drafts", _unsent(drafts)))
    if (lines := revision.additions + revision.deletions) > LARGE:
        warnings.append(Objection("large", f"{lines} changed lines are more than one reading can judge."))
    return Assessment(blockers, warnings)


def _configuring(db: Session, revision: Revision) -> str:
    """What is said of files that set up the agents of whoever works in the repository next; nothing without any."""
    rows = queries.file_outline(db, revision.base_tree, revision.tree)
    names = [name for row in rows for name in (row.path, row.old_path) if name and configures_agents(name)]
    names = [f"`{shown(name)}`" for name in dict.fromkeys(names)]
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"It changes {', '.join(names[:NAMED])}{more}, which can run code when an agent starts."


def _unsent(drafts: int) -> str:
    if drafts == 1:
        return "One of your comments was not sent to the agent."
    return f"{drafts} of your comments were not sent to the agent."
