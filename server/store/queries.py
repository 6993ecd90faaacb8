"""Every select, one function each, here or in a module beside this one. A function takes a session and gives rows; it
changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from server.domain.agent import Agent, Pause, Trial, TrialState
from server.domain.change import Change, Revision
from server.domain.diff import FileOutline
from server.domain.errors import NotFound
from server.domain.event import Actor, Event
from server.domain.file_row import FileRow
from server.domain.flag import Flag
from server.domain.preference import Preference
from server.domain.project import Project
from server.domain.question import UNANSWERED, Question
from server.domain.review import Anchor, Clock, Comment, CommentState, Draft, Review, Verdict, Viewed
from server.domain.risk import Risk
from server.domain.states import ChangeState, QuestionState, RunState, TaskState
from server.domain.task import Task, TaskLink

Found = TypeVar("Found", bound=SQLModel)

LIVING = (
    ChangeState.WORKING,
    ChangeState.NEEDS_ATTENTION,
    ChangeState.IN_REVIEW,
    ChangeState.LANDING,
    ChangeState.LANDED,
)
ON_THE_DESK = (ChangeState.IN_REVIEW, ChangeState.NEEDS_ATTENTION)
NOT_OVER = (RunState.QUEUED, RunState.RUNNING)


def by_id(db: Session, kind: type[Found], key: int) -> Found:
    """The row of that number. Raises: NotFound."""
    found = db.get(kind, key) if -(2**63) <= key < 2**63 else None
    if found is None:
        raise NotFound(
            f"There is no {kind.__name__.lower()} {key}.", "It may never have been, or belongs to other data."
        )
    return found


# Projects and agents


def project(db: Session, project_id: int) -> Project:
    return by_id(db, Project, project_id)


def projects(db: Session) -> list[Project]:
    return list(
        db.exec(select(Project).where(col(Project.removed_at).is_(None)).order_by(col(Project.name), col(Project.id)))
    )


def project_at(db: Session, path: str) -> Project | None:
    return db.exec(select(Project).where(Project.path == path)).first()


def agents(db: Session) -> list[Agent]:
    return list(db.exec(select(Agent).order_by(col(Agent.name))))


def find_agent(db: Session, name: str) -> Agent | None:
    """One that the person added; None for those that Narrows finds by itself."""
    return db.get(Agent, name)


def trial(db: Session, trial_id: int) -> Trial:
    return by_id(db, Trial, trial_id)


def last_trial(db: Session, agent: str) -> Trial | None:
    return db.exec(select(Trial).where(Trial.agent == agent).order_by(col(Trial.id).desc()).limit(1)).first()


def last_trials(db: Session) -> list[Trial]:
    """Each agent's newest."""
    newest = select(func.max(Trial.id)).group_by(col(Trial.agent))
    return list(db.exec(select(Trial).where(col(Trial.id).in_(newest))))


def running_trials(db: Session) -> list[Trial]:
    return list(db.exec(select(Trial).where(Trial.state == TrialState.RUNNING).order_by(col(Trial.id))))


def earlier_trials(db: Session, agent: str, trial_id: int) -> list[int]:
    return list(db.exec(select(Trial.id).where(Trial.agent == agent, col(Trial.id) < trial_id)))


def last_agent(db: Session, project_id: int) -> str | None:
    """The agent of the project's newest task."""
    return db.exec(
        select(Task.agent).where(Task.project_id == project_id).order_by(col(Task.id).desc()).limit(1)
    ).first()


# Tasks


def task(db: Session, task_id: int) -> Task:
    return by_id(db, Task, task_id)


def find_task(db: Session, task_id: int) -> Task | None:
    return db.get(Task, task_id) if 0 < task_id < 2**63 else None


def tasks(db: Session, *, state: TaskState | None, project_id: int | None, limit: int) -> list[Task]:
    """Newest first."""
    wanted = select(Task).order_by(col(Task.id).desc()).limit(limit)
    if state is not None:
        wanted = wanted.where(Task.state == state)
    if project_id is not None:
        wanted = wanted.where(Task.project_id == project_id)
    return list(db.exec(wanted))


def recent_tasks(db: Session, limit: int) -> list[tuple[Task, Change | None]]:
    """Newest first, each with its newest change; of one that was split, what is left of it."""
    whole = select(func.max(Change.id)).where(Change.task_id == Task.id, col(Change.part_of).is_(None))
    newest = whole.correlate(Task).scalar_subquery()
    rows = db.exec(
        select(Task, Change)
        .join(Change, col(Change.id) == newest, isouter=True)
        .order_by(col(Task.id).desc())
        .limit(limit)
    )
    return [(task, change) for task, change in rows]


def links_of_task(db: Session, task_id: int) -> list[TaskLink]:
    return list(db.exec(select(TaskLink).where(TaskLink.task_id == task_id)))


def tasks_before(db: Session, task_ids: Collection[int]) -> defaultdict[int, list[Task]]:
    """Those that each of these starts after."""
    found: defaultdict[int, list[Task]] = defaultdict(list)
    rows = db.exec(
        select(TaskLink.task_id, Task)
        .join(Task, col(TaskLink.after_id) == col(Task.id))
        .where(col(TaskLink.task_id).in_(task_ids))
        .order_by(col(Task.id))
    )
    for task_id, before in rows:
        found[task_id].append(before)
    return found


def all_tasks_before(db: Session, task_id: int) -> set[int]:
    """Those that it starts after, and those that they start after, and so on."""
    seen: set[int] = set()
    front = {task_id}
    while front:
        links = db.exec(select(TaskLink.after_id).where(col(TaskLink.task_id).in_(front)))
        front = set(links) - seen
        seen |= front
    return seen


@cache
def _unstarted() -> ColumnElement[bool]:
    """Whether an agent of an open task has yet to start: the only one, or one of several that all try it."""
    living = exists().where(and_(col(Change.task_id) == col(Task.id), col(Change.state).in_(LIVING)))
    tried = select(func.count(func.distinct(Change.agent))).where(_tries()).correlate(Task).scalar_subquery()
    others = func.json_array_length(Task.rivals)
    return and_(col(Task.state) == TaskState.OPEN, or_(~living, and_(others > 0, tried <= others)))


def _tries() -> ColumnElement[bool]:
    """Whether a change is a try at its task since the person last opened that again: what lives, or was given up."""
    opened = select(func.max(Event.at)).where(
        Event.noun == "task", Event.noun_id == Task.id, Event.verb == "reopened", Event.actor == Actor.YOU
    )
    since = opened.correlate(Task).scalar_subquery()
    fresh = or_(col(Change.state).in_(LIVING), since.is_(None), col(Change.created_at) > since)
    return and_(col(Change.task_id) == col(Task.id), fresh)


@cache
def _unblocked() -> ColumnElement[bool]:
    before = aliased(Task)
    return ~exists().where(
        and_(
            col(TaskLink.task_id) == col(Task.id),
            col(TaskLink.after_id) == before.id,
            col(before.state) == TaskState.OPEN,
        )
    )


def unpaused(agent: str) -> ColumnElement[bool]:
    """Given a column with agents' names: those whose model's limit is not reached."""
    return col(agent).not_in(select(Pause.agent))


@cache
def startable() -> ColumnElement[bool]:
    """Whether a task may start: one of the backlog that waits for no other, and not for its agent's limit.

    Of several agents that try it, some may be at their limit: `agents_to_start` knows.
    """
    return and_(_unstarted(), _unblocked(), or_(unpaused(Task.agent), func.json_array_length(Task.rivals) > 0))


def agents_to_start(db: Session, task: Task) -> list[str]:
    """Of a task that may start, the agents that have yet to start on it and are not at their limit.

    One whose change was given up while another's lives has had its try; once none lives, all start anew.
    """
    if not task.rivals:
        return [task.agent]
    tries = select(Change.agent).join(Task, col(Task.id) == col(Change.task_id)).where(Task.id == task.id, _tries())
    tried = set(db.exec(tries)) if living_change(db, task.id) else set()
    limited = set(db.exec(select(Pause.agent)))
    return [agent for agent in dict.fromkeys(task.agents) if agent not in tried | limited]


def backlog(db: Session, limit: int) -> list[Task]:
    """Open tasks that nothing was started for, in the order in which they start."""
    return _in_order(db, _unstarted(), limit, None)


def _in_order(db: Session, wanted: ColumnElement[bool], limit: int, behind: Task | None) -> list[Task]:
    """The first open tasks of that kind, urgent ones first and then old ones; `behind`: of those after that one.

    One priority after the other: so an index gives them in their order, and what comes later is not looked at.
    """
    found: list[Task] = []
    priority, start = (_next_priority(db, None), 0) if behind is None else (behind.priority, behind.id)
    while priority is not None and len(found) < limit:
        alike = and_(col(Task.state) == TaskState.OPEN, col(Task.priority) == priority, col(Task.id) > start)
        found += db.exec(select(Task).where(alike, wanted).order_by(col(Task.id)).limit(limit - len(found)))
        priority, start = _next_priority(db, priority), 0
    return found


def _next_priority(db: Session, below: int | None) -> int | None:
    """The highest of open tasks; `below`: that is lower than that one."""
    wanted = select(func.max(Task.priority)).where(Task.state == TaskState.OPEN)
    return db.exec(wanted if below is None else wanted.where(col(Task.priority) < below)).one()


def count_backlog(db: Session) -> int:
    return db.exec(select(func.count()).select_from(Task).where(_unstarted())).one()


def startable_tasks(
    db: Session, projects: Iterable[int], limit: int, *, behind: Task | None = None, let_through: bool = False
) -> list[Task]:
    """The backlog of these projects, less what waits for another task, or for its agent's limit.

    Args:
        behind: Only those that come after this one.
        let_through: Only those that the budget does not stop.
    """
    wanted = and_(col(Task.project_id).in_(list(projects)), startable())
    if not let_through:
        return _in_order(db, wanted, limit, behind)
    few = select(Task).where(col(Task.past_budget), wanted).order_by(col(Task.priority).desc(), col(Task.id))
    if behind is not None:
        alike = and_(col(Task.priority) == behind.priority, col(Task.id) > behind.id)
        few = few.where(or_(col(Task.priority) < behind.priority, alike))
    return list(db.exec(few.limit(limit)))


# Changes and revisions


def change(db: Session, change_id: int) -> Change:
    return by_id(db, Change, change_id)


def changes(db: Session, *, state: ChangeState | None, limit: int) -> list[Change]:
    """Newest first."""
    wanted = select(Change).order_by(col(Change.id).desc()).limit(limit)
    return list(db.exec(wanted if state is None else wanted.where(Change.state == state)))


def changes_of_task(db: Session, task_id: int) -> list[Change]:
    return list(db.exec(select(Change).where(Change.task_id == task_id).order_by(col(Change.id))))


def changes_of_tasks(db: Session, task_ids: Collection[int]) -> defaultdict[int, list[Change]]:
    found: defaultdict[int, list[Change]] = defaultdict(list)
    for change in db.exec(select(Change).where(col(Change.task_id).in_(task_ids)).order_by(col(Change.id))):
        found[change.task_id].append(change)
    return found


def living_change(db: Session, task_id: int) -> Change | None:
    return db.exec(
        select(Change).where(Change.task_id == task_id, col(Change.state).in_(LIVING)).order_by(col(Change.id).desc())
    ).first()


def free_slot(db: Session, project_id: int, besides: Collection[int] = ()) -> int:
    """The smallest worktree number of the project that no change has, and that is none of `besides`."""
    taken = taken_slots(db, project_id).union(besides)
    return next(n for n in range(1, len(taken) + 2) if n not in taken)


def taken_slots(db: Session, project_id: int) -> set[int]:
    slots = db.exec(select(Change.slot).where(Change.project_id == project_id, col(Change.slot).is_not(None)))
    return {slot for slot in slots if slot is not None}


def revision(db: Session, change_id: int, number: int) -> Revision:
    change(db, change_id)
    found = db.exec(select(Revision).where(Revision.change_id == change_id, Revision.number == number)).first()
    if found is None:
        raise NotFound(f"Change {change_id} has no revision {number}.")
    return found


def revisions_of_change(db: Session, change_id: int) -> list[Revision]:
    return list(db.exec(select(Revision).where(Revision.change_id == change_id).order_by(col(Revision.number))))


def last_revision(db: Session, change_id: int) -> Revision | None:
    return db.exec(
        select(Revision).where(Revision.change_id == change_id).order_by(col(Revision.number).desc()).limit(1)
    ).first()


def revision_of_run(db: Session, run_id: int) -> Revision | None:
    return db.exec(select(Revision).where(Revision.run_id == run_id)).first()


def next_revision_number(db: Session, change_id: int) -> int:
    last = last_revision(db, change_id)
    return last.number + 1 if last else 1


def has_files(db: Session, base_tree: str, head_tree: str) -> bool:
    wanted = select(FileRow.id).where(FileRow.base_tree == base_tree, FileRow.head_tree == head_tree).limit(1)
    return db.exec(wanted).first() is not None


def files(db: Session, base_tree: str, head_tree: str) -> list[FileRow]:
    """A diff's files with their text, in git's order."""
    return list(
        db.exec(
            select(FileRow)
            .where(FileRow.base_tree == base_tree, FileRow.head_tree == head_tree)
            .order_by(col(FileRow.position))
        )
    )


def file_outline(db: Session, base_tree: str, head_tree: str) -> list[FileOutline]:
    """A diff's files without their text, in git's order."""
    wanted = (
        select_columns(*(getattr(FileRow, name) for name in FileOutline._fields))
        .where(col(FileRow.base_tree) == base_tree, col(FileRow.head_tree) == head_tree)
        .order_by(col(FileRow.position))
    )
    return [FileOutline._make(row) for row in db.connection().execute(wanted)]


def file_names(db: Session, base_tree: str, head_tree: str) -> list[tuple[str, str | None]]:
    """A diff's files by their names: the new one, and the old one where there was one; in git's order."""
    return [
        (path, old_path)
        for path, old_path in db.exec(
            select(FileRow.path, FileRow.old_path)
            .where(FileRow.base_tree == base_tree, FileRow.head_tree == head_tree)
            .order_by(col(FileRow.position))
        )
    ]


def file(db: Session, base_tree: str, head_tree: str, position: int) -> FileRow:
    found = db.exec(
        select(FileRow).where(
            FileRow.base_tree == base_tree, FileRow.head_tree == head_tree, FileRow.position == position
        )
    ).first()
    if found is None:
        raise NotFound(f"This diff has no file {position}.", "Files are counted from 0.")
    return found


# The desk


def desk_count(db: Session, without: int | None = None) -> int:
    waits = and_(col(Change.state).in_(ON_THE_DESK), col(Change.id) != (without or 0))
    return db.exec(select(func.count()).select_from(Change).where(waits)).one()


# Questions


def asking_changes(db: Session) -> set[int]:
    """The numbers of the changes whose agents stand still until they have an answer."""
    return set(db.exec(select(Question.change_id).where(Question.state == QuestionState.OPEN)))


def question(db: Session, question_id: int) -> Question:
    return by_id(db, Question, question_id)


def unanswered_questions(db: Session, change_id: int | None = None) -> list[Question]:
    """Those that an answer is good for, of one change or of all, oldest first."""
    wanted = select(Question).where(col(Question.state).in_(UNANSWERED)).order_by(col(Question.id))
    return list(db.exec(wanted if change_id is None else wanted.where(Question.change_id == change_id)))


def open_questions(db: Session, run_id: int) -> list[Question]:
    """Those that a run waits for."""
    wanted = select(Question).where(Question.run_id == run_id, Question.state == QuestionState.OPEN)
    return list(db.exec(wanted.order_by(col(Question.id))))


def answered_questions(db: Session, change_id: int) -> list[Question]:
    """A change's, oldest answer first."""
    given = col(Question.state).in_((QuestionState.ALLOWED, QuestionState.REFUSED))
    wanted = select(Question).where(Question.change_id == change_id, given)
    return list(db.exec(wanted.order_by(col(Question.answered_at), col(Question.id))))


# Reviews


def comment(db: Session, comment_id: int) -> Comment:
    return by_id(db, Comment, comment_id)


def comments(db: Session, change_id: int) -> list[Comment]:
    return list(db.exec(select(Comment).where(Comment.change_id == change_id).order_by(col(Comment.id))))


def drafted_comments(db: Session, change_id: int) -> list[Comment]:
    return [found for found in comments(db, change_id) if found.state is CommentState.DRAFT]


def anchors(db: Session, change_id: int) -> dict[tuple[int, int], Anchor]:
    """Where a change's comments stand in later revisions, by comment and revision number."""
    wanted = select(Anchor).join(Comment, col(Comment.id) == col(Anchor.comment_id))
    return {(each.comment_id, each.revision): each for each in db.exec(wanted.where(Comment.change_id == change_id))}


def judged_revisions(db: Session, change_id: int) -> set[int]:
    """The numbers of a change's revisions that the person has judged; putting one off is no judgement."""
    return set(
        db.exec(
            select(Revision.number)
            .join(Review, col(Review.revision_id) == col(Revision.id))
            .where(Revision.change_id == change_id, Review.verdict != Verdict.LATER)
        )
    )


def draft(db: Session, key: str) -> Draft | None:
    return db.exec(select(Draft).where(Draft.key == key)).first()


def drafts(db: Session, prefix: str) -> list[Draft]:
    return list(
        db.exec(select(Draft).where(col(Draft.key).startswith(prefix, autoescape=True)).order_by(col(Draft.key)))
    )


# Events


def events_since(db: Session, event_id: int, limit: int) -> list[Event]:
    return list(db.exec(select(Event).where(Event.id > event_id).order_by(col(Event.id)).limit(limit)))


def last_event_id(db: Session) -> int:
    return db.exec(select(func.coalesce(func.max(Event.id), 0))).one()


def events_of_change(db: Session, change_id: int) -> list[Event]:
    return list(db.exec(select(Event).where(Event.change_id == change_id).order_by(col(Event.id))))


# How it is read


def viewed(db: Session, project_id: int, base_tree: str, head_tree: str) -> list[tuple[int, Viewed]]:
    """Marks on files of these names, each with the file's position in this diff; whether they fit is not looked at."""
    rows = db.exec(
        select(FileRow.position, Viewed)
        .join(Viewed, and_(col(Viewed.path) == col(FileRow.path), col(Viewed.project_id) == project_id))
        .where(FileRow.base_tree == base_tree, FileRow.head_tree == head_tree)
    )
    return [(position, mark) for position, mark in rows]


def find_viewed(db: Session, mark: Viewed) -> Viewed | None:
    """The stored mark on the same content."""
    wanted = select(Viewed).where(Viewed.project_id == mark.project_id, Viewed.path == mark.path)
    return db.exec(wanted.where(Viewed.old_blob == mark.old_blob, Viewed.new_blob == mark.new_blob)).first()


def clock(db: Session, revision_id: int) -> Clock | None:
    return db.exec(select(Clock).where(Clock.revision_id == revision_id)).first()


def clocks_of_change(db: Session, change_id: int) -> dict[int, float]:
    """Seconds by the revision's number; what was never read is left out."""
    rows = db.exec(
        select(Revision.number, Clock.seconds)
        .join(Clock, col(Clock.revision_id) == col(Revision.id))
        .where(Revision.change_id == change_id)
    )
    return {number: seconds for number, seconds in rows}  # noqa: C416 (rows are no tuples to mypy)


def last_tick(db: Session) -> datetime | None:
    """When any revision was last read."""
    return db.exec(select(Clock.ticked_at).order_by(col(Clock.ticked_at).desc()).limit(1)).first()


def flags_of_revision(db: Session, revision_id: int) -> list[Flag]:
    return list(db.exec(select(Flag).where(Flag.revision_id == revision_id).order_by(col(Flag.id))))


def risk(db: Session, revision_id: int) -> Risk | None:
    return db.exec(select(Risk).where(Risk.revision_id == revision_id)).first()


def unexamined_changes(db: Session) -> list[int]:
    """Those that wait to be read, and whose newest revision was not looked at yet."""
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()
    unseen = ~exists().where(col(Risk.revision_id) == newest)
    waits = and_(col(Change.state).in_(ON_THE_DESK), newest.is_not(None))
    return list(db.exec(select(Change.id).where(waits, unseen).order_by(col(Change.id))))


def preferences(db: Session) -> list[Preference]:
    return list(db.exec(select(Preference)))
