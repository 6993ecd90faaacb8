"""What stands against landing a change: blockers, and warnings that are acknowledged by a hash of themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from sqlmodel import Session

from server.domain.agent_config import configures_agents
from server.domain.base import few, shown
from server.domain.change import Change, Revision
from server.domain.errors import Blocked
from server.domain.flag import FlagKind
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.review import Comment, CommentState
from server.domain.task import Kind
from server.services import agents
from server.services.narrows import Narrows
from server.store import check_queries, landing_queries, queries, run_queries

RED = "red"  # the code of an objection that a person can insist over
LARGE = 800  # changed lines; above it a review finds few of the defects (see docs/glossary.md, "Warning")


@dataclass(frozen=True)
class Objection:
    """A blocker (stops a landing) or a warning (must be acknowledged by its hash).

    `about` tells apart what is said in the same words: who has acknowledged one has not acknowledged the other.
    """

    code: str
    message: str
    hint: str = ""
    about: str = ""

    @property
    def hash(self) -> str:
        return hashlib.sha256("\0".join((self.code, self.message, self.about)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Assessment:
    """What stands against landing a change, as far as it is known without asking git.

    `doubtful` are checks that were red when it was last to land: the target may have moved since, so they stop nothing;
    the person may insist beforehand.
    """

    blockers: list[Objection]
    warnings: list[Objection]
    doubtful: list[Objection] = field(default_factory=list)

    @property
    def over_red(self) -> list[Objection]:
        """The red checks that the person can insist over, with a reason."""
        return list(dict.fromkeys([*(each for each in self.blockers if each.code == RED), *self.doubtful]))

    def stops(self, draft: Landing) -> bool:
        """Whether it can't land so: a red check stops it unless the person says why it lands all the same."""
        return any(each.code != RED or not draft.insisted for each in self.blockers)

    def unacknowledged(self, draft: Landing) -> bool:
        return any(each.hash not in draft.acknowledged for each in self.warnings)


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
    for check in check_queries.of_revision(db, revision.id):
        if check.red:
            blockers.append(red(check.command))
    comments = queries.comments(db, change.id)
    blockers += _unanswered(db, change, comments)
    if drafts := sum(comment.state is CommentState.DRAFT for comment in comments):
        warnings.append(Objection("drafts", _unsent(drafts)))
    warnings += of_content(db, revision)
    doubtful = [red(command) for command in _red_at_landing(db, change, revision)]
    return Assessment(blockers, warnings, [each for each in doubtful if each not in blockers])


def red(command: str) -> Objection:
    """What is said of a red check; its hash is the same wherever the command was red."""
    return Objection(RED, f"The check `{command}` is red.", "Send the change back, or say why it lands all the same.")


def despite(project: Project, landing: Landing) -> set[str]:
    """The commands that may be red, since the person insisted when they were."""
    if not landing.insisted:
        return set()
    return {command for command in project.checks if red(command).hash in landing.acknowledged}


def _red_at_landing(db: Session, change: Change, revision: Revision) -> list[str]:
    last = landing_queries.of_change(db, change.id)[-1:]
    checks = [each for landing in last for each in check_queries.of(db, None, landing.id, landing.tree or "")]
    return [each.command for each in checks if each.red and last[0].revision_id == revision.id]


def of_content(db: Session, revision: Revision) -> list[Objection]:
    """The warnings that follow from what a revision changes, whatever was said of it. Its diff is stored."""
    warnings = []
    if unsettled := [each.path for each in queries.flags_of_revision(db, revision.id) if each.kind is FlagKind.MARKER]:
        names = few([f"`{shown(path)}`" for path in unsettled])
        warnings.append(Objection("markers", f"Markers of a conflict were left in {names}."))
    if configuring := _configuring(db, revision):
        warnings.append(Objection("configures", configuring))
    if (lines := revision.additions + revision.deletions) > LARGE:
        warnings.append(Objection("large", f"{lines} changed lines are more than one reading can judge."))
    return warnings


def _unanswered(db: Session, change: Change, comments: list[Comment]) -> list[Objection]:
    """What the person said and the agent left without a word, once its run has ended.

    A program of the person's own that reads a prompt and ends holds no conversation: its silence says nothing.
    """
    left = [comment for comment in comments if comment.state is CommentState.SENT and not comment.answer]
    if not left or run_queries.unfinished(db, change.id):
        return []
    if not agents.converses(db, change.agent):
        return []
    return [
        Objection("unanswered", f"Comment {comment.id} was not answered.", "Resolve it, or send the change back.")
        for comment in left
    ]


def _configuring(db: Session, revision: Revision) -> str:
    """What is said of files that set up the agents of whoever works in the repository next; nothing without any."""
    files = queries.file_names(db, revision.base_tree, revision.tree)
    names = [name for both in files for name in both if name and configures_agents(name)]
    names = [f"`{shown(name)}`" for name in dict.fromkeys(names)]
    if not names:
        return ""
    return f"It changes {few(names)}, which can run code when an agent starts."


def _unsent(drafts: int) -> str:
    if drafts == 1:
        return "One of your comments was not sent to the agent."
    return f"{drafts} of your comments were not sent to the agent."
