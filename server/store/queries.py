"""Every select, one function each. A function takes a session and gives rows; it changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, SQLModel, col, select

from server.domain.agent import Agent, Pause, Trial, TrialState
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.errors import NotFound
from server.domain.event import Event
from server.domain.file_row import FileRow
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.question import UNANSWERED, Question
from server.domain.review import Comment, CommentState, Draft
from server.domain.run import Executor, Run
from server.domain.states import ChangeState, CheckState, LandingState, QuestionState, RunState, TaskState
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


def _one(db: Session, kind: type[Found], key: int) -> Found:
    found = db.get(kind, key) if -(2**63) <= key < 2**63 else None
    if found is None:
        raise NotFound(
            f"There is no {kind.__name__.lower()} {key}.", "It may never have been, or belongs to other data."
        )
    return found


# Projects and agents


def project(db: Session, project_id: int) -> Project:
    return _one(db, Project, project_id)


def projects(db: Session) -> list[Project]:
    return list(
        db.exec(select(Project).where(col(Project.removed_at).is_(None)).order_by(col(Project.name), col(Project.id)))
    )


def project_at(db: Session, path: str) -> Project | None:
    return db.exec(select(Project).where(Project.path == path)).first()


def agents(db: Session) -> list[Agent]:
    return list(db.exec(select(Agent).order_by(col(Agent.name))))


def trial(db: Session, trial_id: int) -> Trial:
    return _one(db, Trial, trial_id)


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
    return _one(db, Task, task_id)


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
    """Newest first, each with its newest change."""
    newest = select(func.max(Change.id)).where(Change.task_id == Task.id).correlate(Task).scalar_subquery()
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


def _unstarted() -> ColumnElement[bool]:
    return and_(
        col(Task.state) == TaskState.OPEN,
        ~exists().where(and_(col(Change.task_id) == col(Task.id), col(Change.state).in_(LIVING))),
    )


def _unblocked() -> ColumnElement[bool]:
    before = aliased(Task)
    return ~exists().where(
        and_(
            col(TaskLink.task_id) == col(Task.id),
            col(TaskLink.after_id) == before.id,
            col(before.state) == TaskState.OPEN,
        )
    )


def backlog(db: Session, limit: int) -> list[Task]:
    """Open tasks that nothing was started for, in the order in which they start."""
    return list(
        db.exec(select(Task).where(_unstarted()).order_by(col(Task.priority).desc(), col(Task.id)).limit(limit))
    )


def count_backlog(db: Session) -> int:
    return db.exec(select(func.count()).select_from(Task).where(_unstarted())).one()


def startable_tasks(db: Session, projects: Iterable[int], limit: int) -> list[Task]:
    """The backlog of these projects, less what waits for another task, or for its agent's limit."""
    return list(
        db.exec(
            select(Task)
            .where(col(Task.project_id).in_(list(projects)), _unstarted(), _unblocked(), _unpaused(Task.agent))
            .order_by(col(Task.priority).desc(), col(Task.id))
            .limit(limit)
        )
    )


# Changes and revisions


def change(db: Session, change_id: int) -> Change:
    return _one(db, Change, change_id)


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


def free_slot(db: Session, project_id: int) -> int:
    """The smallest worktree number of the project that no change has."""
    taken = set(db.exec(select(Change.slot).where(Change.project_id == project_id, col(Change.slot).is_not(None))))
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


def file_outline(db: Session, base_tree: str, head_tree: str) -> list[FileRow]:
    """A diff's files without their text, in git's order."""
    return list(
        db.exec(
            select(FileRow)
            .options(defer(FileRow.text, raiseload=True))  # type: ignore[arg-type]
            .where(FileRow.base_tree == base_tree, FileRow.head_tree == head_tree)
            .order_by(col(FileRow.position))
        )
    )


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


def _asks() -> ColumnElement[bool]:
    """Whether the change's agent stands still until it has an answer."""
    return exists().where(and_(col(Question.change_id) == col(Change.id), col(Question.state) == QuestionState.OPEN))


def _line() -> Sequence[Any]:
    put_off = col(Change.later_at).asc().nulls_first()
    return (put_off, _asks().desc(), col(Task.priority).desc(), col(Change.ready_at), col(Change.id))


def desk_line(db: Session, limit: int) -> list[tuple[Change, str, int, float | None]]:
    """Changes that wait for the person, first to read first; with title, priority, minutes of the newest revision."""
    newest = select(func.max(Revision.id)).where(Revision.change_id == Change.id).correlate(Change).scalar_subquery()
    rows = db.exec(
        select(Change, Task.title, Task.priority, Revision.minutes)
        .join(Task, col(Task.id) == col(Change.task_id))
        .join(Revision, col(Revision.id) == newest, isouter=True)
        .where(col(Change.state).in_(ON_THE_DESK))
        .order_by(*_line())
        .limit(limit)
    )
    return [(change, title, priority, minutes) for change, title, priority, minutes in rows]


def desk_count(db: Session) -> int:
    return db.exec(select(func.count()).select_from(Change).where(col(Change.state).in_(ON_THE_DESK))).one()


def waiting(db: Session) -> tuple[int, float]:
    """Changes in review, and how many minutes reading their newest revisions takes."""
    newest = (
        select(func.max(Revision.id))
        .join(Change, col(Change.id) == col(Revision.change_id))
        .where(Change.state == ChangeState.IN_REVIEW)
        .group_by(col(Revision.change_id))
    )
    count, minutes = db.exec(
        select(func.count(), func.coalesce(func.sum(Revision.minutes), 0.0)).where(col(Revision.id).in_(newest))
    ).one()
    return count, float(minutes)


# Runs


def run(db: Session, run_id: int) -> Run:
    return _one(db, Run, run_id)


def runs_of_change(db: Session, change_id: int) -> list[Run]:
    return list(db.exec(select(Run).where(Run.change_id == change_id).order_by(col(Run.id))))


def runs_of_tasks(db: Session, task_ids: Collection[int]) -> defaultdict[int, list[Run]]:
    found: defaultdict[int, list[Run]] = defaultdict(list)
    for run in db.exec(select(Run).where(col(Run.task_id).in_(task_ids)).order_by(col(Run.id))):
        found[run.task_id].append(run)
    return found


def last_run(db: Session, change_id: int) -> Run:
    """The change's newest run; each change is begun with one."""
    return db.exec(select(Run).where(Run.change_id == change_id).order_by(col(Run.id).desc()).limit(1)).one()


def unfinished_runs(db: Session, change_id: int) -> list[Run]:
    return list(db.exec(select(Run).where(Run.change_id == change_id, col(Run.state).in_(NOT_OVER))))


def waiting_runs(db: Session) -> list[Run]:
    """Queued runs that nobody has admitted and whose change no other run is at, in the order in which they start."""
    return list(
        db.exec(
            select(Run)
            .join(Task, col(Task.id) == col(Run.task_id))
            .where(_to_admit())
            .order_by(col(Task.priority).desc(), col(Run.queued_at), col(Run.id))
        )
    )


def anything_to_admit(db: Session) -> bool:
    if db.exec(select(Run.id).where(_to_admit()).limit(1)).first() is not None:
        return True
    return (
        db.exec(select(Task.id).where(_unstarted(), _unblocked(), _unpaused(Task.agent)).limit(1)).first() is not None
    )


def _unpaused(agent: str) -> ColumnElement[bool]:
    """Given a column with agents' names: those whose model's limit is not reached."""
    return col(agent).not_in(select(Pause.agent))


def _to_admit() -> ColumnElement[bool]:
    """Two agents never share a worktree: a change's next run waits until the one before is over."""
    other = aliased(Run)
    return and_(
        col(Run.state) == RunState.QUEUED,
        col(Run.executor).is_(None),
        _unpaused(Run.agent),
        ~exists().where(
            and_(
                other.change_id == col(Run.change_id),  # type: ignore[arg-type]
                col(other.state).in_(NOT_OVER),
                col(other.executor).is_not(None),
            )
        ),
    )


def _admitted() -> ColumnElement[bool]:
    return and_(col(Run.state).in_(NOT_OVER), col(Run.executor).is_not(None))


def admitted_by_project(db: Session) -> dict[int, int]:
    """How many runs are admitted and not over, by project."""
    rows = db.exec(select(Run.project_id, func.count()).where(_admitted()).group_by(col(Run.project_id)))
    return {project_id: count for project_id, count in rows}  # noqa: C416 (rows are no tuples to mypy)


def count_at_work(db: Session) -> int:
    return db.exec(select(func.count()).select_from(Run).where(_admitted())).one()


def runs_at_work(db: Session) -> list[tuple[Run, str]]:
    rows = db.exec(
        select(Run, Task.title).join(Task, col(Task.id) == col(Run.task_id)).where(_admitted()).order_by(col(Run.id))
    )
    return [(run, title) for run, title in rows]


def _undecided() -> ColumnElement[bool]:
    """Over, the last of its change, and the change still waits for its checks, or for its worktree to be given back."""
    waiting = select(Change.id).where(
        or_(
            col(Change.state) == ChangeState.WORKING,
            and_(col(Change.state) == ChangeState.ABANDONED, col(Change.slot).is_not(None)),
        )
    )
    return and_(
        col(Run.state).not_in(NOT_OVER),
        col(Run.change_id).in_(waiting),
        col(Run.id).in_(select(func.max(Run.id)).group_by(col(Run.change_id))),
    )


def runs_of_executor(db: Session, executor: str) -> list[Run]:
    """What a worker has to go on with: its runs that are not over, or whose change is not decided on."""
    wanted = or_(col(Run.state).in_(NOT_OVER), _undecided())
    return list(db.exec(select(Run).where(Run.executor == executor, wanted).order_by(col(Run.id))))


def orphaned_runs(db: Session, executor: str, silent_since: datetime) -> list[Run]:
    """What other workers had to go on with that were last heard from before `silent_since`, or have left."""
    alive = select(Executor.id).where(Executor.heard_at >= silent_since)
    wanted = or_(_admitted(), _undecided())
    return list(db.exec(select(Run).where(wanted, Run.executor != executor, col(Run.executor).not_in(alive))))


def executors_alive(db: Session, since: datetime) -> bool:
    """Whether any worker was heard from since then."""
    return db.exec(select(Executor.id).where(Executor.heard_at >= since).limit(1)).first() is not None


# Questions


def asking_changes(db: Session) -> set[int]:
    """The numbers of the changes whose agents stand still until they have an answer."""
    return set(db.exec(select(Question.change_id).where(Question.state == QuestionState.OPEN)))


def question(db: Session, question_id: int) -> Question:
    return _one(db, Question, question_id)


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


# Checks


def check(db: Session, check_id: int) -> Check:
    return _one(db, Check, check_id)


def checks_of(db: Session, revision_id: int | None, landing_id: int | None, tree: str) -> list[Check]:
    """The checks of a revision or a landing on one tree, in order."""
    return list(
        db.exec(
            select(Check)
            .where(Check.revision_id == revision_id, Check.landing_id == landing_id, Check.tree == tree)
            .order_by(col(Check.position), col(Check.id))
        )
    )


def running_checks(db: Session) -> list[Check]:
    return list(db.exec(select(Check).where(Check.state == CheckState.RUNNING)))


def checks_of_revision(db: Session, revision_id: int) -> list[Check]:
    return list(db.exec(select(Check).where(Check.revision_id == revision_id).order_by(col(Check.position))))


def checks_of_landing(db: Session, landing_id: int) -> list[Check]:
    return list(db.exec(select(Check).where(Check.landing_id == landing_id).order_by(col(Check.id))))


def commands_passed(db: Session, project_id: int, tree: str) -> set[str]:
    """The check commands that passed on exactly this tree."""
    wanted = select(Check.command).where(
        Check.project_id == project_id,
        Check.tree == tree,
        Check.state == CheckState.PASSED,
        col(Check.superseded).is_(False),
    )
    return set(db.exec(wanted))


# Reviews


def comment(db: Session, comment_id: int) -> Comment:
    return _one(db, Comment, comment_id)


def comments(db: Session, change_id: int) -> list[Comment]:
    return list(db.exec(select(Comment).where(Comment.change_id == change_id).order_by(col(Comment.id))))


def drafted_comments(db: Session, change_id: int) -> list[Comment]:
    return [found for found in comments(db, change_id) if found.state is CommentState.DRAFT]


def draft(db: Session, key: str) -> Draft | None:
    return db.exec(select(Draft).where(Draft.key == key)).first()


def drafts(db: Session, prefix: str) -> list[Draft]:
    return list(
        db.exec(select(Draft).where(col(Draft.key).startswith(prefix, autoescape=True)).order_by(col(Draft.key)))
    )


# Landings


def landing(db: Session, landing_id: int) -> Landing:
    return _one(db, Landing, landing_id)


def landings_of_change(db: Session, change_id: int) -> list[Landing]:
    return list(db.exec(select(Landing).where(Landing.change_id == change_id).order_by(col(Landing.id))))


def recent_landings(db: Session, limit: int) -> list[Landing]:
    return list(db.exec(select(Landing).order_by(col(Landing.id).desc()).limit(limit)))


def _busy() -> ColumnElement[bool]:
    return or_(col(Landing.state) == LandingState.RUNNING, col(Landing.undo_asked).is_(True))


def claimable_landings(db: Session) -> list[Landing]:
    """For each target branch that no worker moves: the oldest begun one that nobody has, else the oldest queued one."""
    begun = list(db.exec(select(Landing).where(_busy()).order_by(col(Landing.id))))
    queued = db.exec(select(Landing).where(Landing.state == LandingState.QUEUED).order_by(col(Landing.id)))
    busy = {(found.project_id, found.target_branch) for found in begun if found.executor is not None}
    chosen: list[Landing] = []
    for found in [*(each for each in begun if each.executor is None), *queued]:
        target = (found.project_id, found.target_branch)
        if target not in busy:
            busy.add(target)
            chosen.append(found)
    return chosen


def landings_of_executor(db: Session, executor: str) -> list[Landing]:
    return list(db.exec(select(Landing).where(_busy(), Landing.executor == executor).order_by(col(Landing.id))))


def orphaned_landings(db: Session, executor: str, silent_since: datetime) -> list[Landing]:
    """Begun landings of other workers that were last heard from before `silent_since`, or have left."""
    alive = select(Executor.id).where(Executor.heard_at >= silent_since)
    return list(
        db.exec(select(Landing).where(_busy(), Landing.executor != executor, col(Landing.executor).not_in(alive)))
    )


# Events


def events_since(db: Session, event_id: int, limit: int) -> list[Event]:
    return list(db.exec(select(Event).where(Event.id > event_id).order_by(col(Event.id)).limit(limit)))


def last_event_id(db: Session) -> int:
    return db.exec(select(func.coalesce(func.max(Event.id), 0))).one()


def events_of_change(db: Session, change_id: int) -> list[Event]:
    return list(db.exec(select(Event).where(Event.change_id == change_id).order_by(col(Event.id))))
