"""Filing tasks, and saying where each one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session

from server.domain.change import Change
from server.domain.errors import Invalid, WrongState
from server.domain.event import Actor
from server.domain.run import Run
from server.domain.states import ChangeState, TaskState, Turn
from server.domain.task import Kind, Task, TaskLink
from server.reading import task_hints
from server.reading.task_hints import Hint
from server.services import agents, budget, events, pauses, room, workers
from server.services.narrows import Narrows
from server.store import queries, run_queries

PAUSED_BY_BUDGET = "paused by budget"
LONGEST_TITLE = 200  # characters
LONGEST_TEXT = 1_000_000  # characters of a brief: more than an agent can read
MOST_RIVALS = 7  # each brings something to read


def file(
    narrows: Narrows,
    *,
    project_id: int,
    title: str,
    brief: str = "",
    examples: str = "",
    done_when: str = "",
    kind: str = Kind.DIRECTED,
    agent: str = "",
    rivals: Sequence[str] = (),
    priority: int = 0,
    after: Sequence[int] = (),
) -> Task:
    """File a task; the engine starts it when there is room.

    Args:
        brief, examples, done_when: Markdown: what and why; what goes in and what should come out; how it is seen that
            the task is done.
        agent: An agent's name; empty: the project's last, or the demo agent.
        rivals: Further agents, each of which tries it in a change of its own.
        priority: Higher goes first.
        after: Tasks that must be done or dropped before this one starts.

    Raises:
        Invalid: A field can't be used.
        NotFound: No such project or agent.
    """
    title = " ".join(title.split())
    _check_words(title, kind, brief=brief, examples=examples, done_when=done_when)
    with narrows.reading() as db:
        chosen = agent or queries.last_agent(db, project_id) or (narrows.built_in[0].name if narrows.built_in else "")
    agents.get(narrows, chosen)
    others = _rivals(narrows, chosen, rivals)
    with narrows.transaction() as db:
        queries.project(db, project_id)
        task = Task(
            project_id=project_id,
            title=title,
            brief=brief,
            examples=examples,
            done_when=done_when,
            kind=Kind(kind),
            agent=chosen,
            rivals=others,
            priority=priority,
        )
        events.record(db, Actor.YOU, "filed", task, title=title)
        _link(db, task, after)
    return task


def revise(
    narrows: Narrows,
    task_id: int,
    *,
    title: str,
    brief: str,
    examples: str,
    done_when: str,
    kind: str,
    agent: str,
    priority: int,
    rivals: Sequence[str] = (),
    after: Sequence[int] = (),
) -> Task:
    """Say it better, while no agent has started on it.

    Raises:
        WrongState: An agent has started; what is said now belongs into a review.
        Invalid: A field can't be used.
    """
    title = " ".join(title.split())
    _check_words(title, kind, brief=brief, examples=examples, done_when=done_when)
    agents.get(narrows, agent)
    others = _rivals(narrows, agent, rivals)
    with narrows.transaction() as db:
        task = queries.task(db, task_id)
        if queries.changes_of_task(db, task_id):
            raise WrongState(
                "An agent has started on this task.", "Say what else you want when you send its change back."
            )
        task.title, task.brief, task.examples, task.done_when = title, brief, examples, done_when
        task.kind, task.agent, task.rivals, task.priority = Kind(kind), agent, others, priority
        for link in queries.links_of_task(db, task_id):
            db.delete(link)
        db.flush()
        _link(db, task, after)
        events.record(db, Actor.YOU, "revised", task)
    return task


def drop(narrows: Narrows, task_id: int) -> Task:
    """No longer wanted. A task with a change that is alive is dropped by abandoning that change."""
    with narrows.transaction() as db:
        task = queries.task(db, task_id)
        task.drop()
        if queries.living_change(db, task_id):
            raise WrongState(
                "An agent's change for this task is under way.", "Abandon the change; that drops the task too."
            )
        events.record(db, Actor.YOU, "dropped", task)
    return task


def reopen(narrows: Narrows, task_id: int) -> Task:
    """Wanted again: a dropped task goes back to the backlog, and a new change is started for it."""
    with narrows.transaction() as db:
        task = queries.task(db, task_id)
        if task.state is not TaskState.DROPPED:
            raise WrongState(f"Task {task.id} is {task.state}.", "Only a dropped task can be opened again.")
        task.reopen()
        events.record(db, Actor.YOU, "reopened", task)
    return task


def let_through(narrows: Narrows, task_id: int) -> Task:
    """Let a task start whatever waits to be read; the limits on agents hold for it still.

    Raises:
        WrongState: It is done or dropped.
    """
    with narrows.transaction() as db:
        task = queries.task(db, task_id)
        if task.state is not TaskState.OPEN:
            raise WrongState(f"Task {task.id} is {task.state}.", "Only an open task can start.")
        if not task.past_budget:
            task.past_budget = True
            events.record(db, Actor.YOU, "let_through", task)
    return task


def hold_back(narrows: Narrows, task_id: int) -> Task:
    """The budget counts for it after all.

    Raises:
        WrongState: An agent has started on it.
    """
    with narrows.transaction() as db:
        task = queries.task(db, task_id)
        if queries.living_change(db, task_id):
            raise WrongState(
                f"An agent has started on task {task.id}.", "Abandon its change if you do not want it now."
            )
        if task.past_budget:
            task.past_budget = False
            events.record(db, Actor.YOU, "held_back", task)
    return task


@dataclass(frozen=True)
class Standing:
    """A task, what came of it, and where it stands in one word and one sentence."""

    task: Task
    after: list[Task]
    changes: list[Change]
    runs: list[Run]
    shown: str  # "backlog", "blocked", "paused", "paused by budget", "done", "dropped", or whose turn its change is
    why: str  # why nothing runs, in words; empty when something does or nothing needs to


def standing(narrows: Narrows, task_id: int) -> Standing:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return _standings(narrows, db, [queries.task(db, task_id)])[0]


def backlog(narrows: Narrows, limit: int = 200) -> list[Standing]:
    """Open tasks that nothing was started for, in the order in which they will start."""
    with narrows.reading() as db:
        return _standings(narrows, db, queries.backlog(db, limit))


def every(
    narrows: Narrows, *, state: TaskState | None = None, project_id: int | None = None, limit: int = 100
) -> list[Standing]:
    """Tasks of one state or project, or all, newest first, each with where it stands."""
    with narrows.reading() as db:
        return _standings(narrows, db, queries.tasks(db, state=state, project_id=project_id, limit=limit))


def recent(narrows: Narrows, limit: int = 100) -> list[tuple[Task, Change | None]]:
    """The newest tasks of any state, each with its newest change."""
    with narrows.reading() as db:
        return queries.recent_tasks(db, limit)


def get(narrows: Narrows, task_id: int) -> Task:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.task(db, task_id)


def hints(standing: Standing) -> list[Hint]:
    """What would make it a smaller or a clearer task, while no agent has started on it."""
    task = standing.task
    if task.state is not TaskState.OPEN or standing.changes:
        return []
    return task_hints.hints(task.title, task.brief, task.examples, task.done_when, task.kind)


def _standings(narrows: Narrows, db: Session, tasks: list[Task]) -> list[Standing]:
    """As many queries for a hundred tasks as for one."""
    ids = [task.id for task in tasks]
    before, changes, runs = (
        queries.tasks_before(db, ids),
        queries.changes_of_tasks(db, ids),
        run_queries.of_tasks(db, ids),
    )
    held_up = _HeldUp(narrows, db)
    return [
        Standing(
            task,
            before[task.id],
            changes[task.id],
            runs[task.id],
            *_where(held_up, task, before[task.id], changes[task.id], runs[task.id]),
        )
        for task in tasks
    ]


def _where(held_up: _HeldUp, task: Task, after: list[Task], changes: list[Change], runs: list[Run]) -> tuple[str, str]:
    if task.state is not TaskState.OPEN:
        return task.state.value, ""
    alive = [change for change in changes if change.state in queries.LIVING]
    if alive:  # of one that was split, what is left counts, and not the part that has landed
        # and of several attempts one that waits for its reader
        living = max(alive, key=lambda each: (each.state is not ChangeState.LANDED, each.turn is Turn.YOURS, each.id))
        waiting = any(not run.over and run.executor is None for run in runs if run.change_id == living.id)
        held = held_up.cramped or held_up.limited(living.agent) or "Its follow-up waits for a free agent."
        return living.turn.value, held if waiting else living.note or _yet_to_start(held_up, task, changes)
    if unfinished := [t for t in after if t.state is TaskState.OPEN]:
        names = ", ".join(f"#{t.id}" for t in unfinished)
        return "blocked", f"It starts after {names}."
    if held_up.paused and not task.past_budget:
        return PAUSED_BY_BUDGET, held_up.paused
    if limited := held_up.limited(task.agent):
        return "paused", limited
    waits = held_up.cramped or held_up.full(task.project_id) or held_up.unattended
    return "backlog", waits or "It is about to start."


def _yet_to_start(held_up: _HeldUp, task: Task, changes: list[Change]) -> str:
    """Which of several agents have not started on a task that others are at, and why; empty where all have."""
    tried = {change.agent for change in changes}
    if not (left := [agent for agent in task.agents if agent not in tried]):
        return ""
    stopped = "" if task.past_budget else held_up.paused
    why = stopped or held_up.limited(left[0]) or held_up.cramped or held_up.full(task.project_id)
    return f"{' and '.join(left)} {'has' if len(left) == 1 else 'have'} yet to start on it. {why}".strip()


class _HeldUp:
    """What keeps new tasks from starting, each asked of the database once and only when it matters."""

    def __init__(self, narrows: Narrows, db: Session) -> None:
        self._narrows, self._db = narrows, db
        self._full: dict[int, str] = {}

    @cached_property
    def paused(self) -> str:
        return budget.state(self._narrows, self._db).sentence

    def limited(self, agent: str) -> str:
        """That the agent's model has reached its limit; empty when it has not."""
        return self._limited.get(agent, "")

    @cached_property
    def _limited(self) -> dict[str, str]:
        return {pause.agent: pauses.sentence(pause) for pause in pauses.standing(self._db)}

    @cached_property
    def cramped(self) -> str:
        """That the disk has no room; how much there is, and what to do, every page says at its head."""
        return "It starts once there is room on the disk." if room.shortage(self._narrows) else ""

    @cached_property
    def unattended(self) -> str:
        return workers.missing_in(self._db)

    def full(self, project_id: int) -> str:
        if project_id not in self._full:
            self._full[project_id] = budget.full(self._narrows, self._db, project_id)
        return self._full[project_id]


def _check_words(title: str, kind: str, **texts: str) -> None:
    if not title:
        raise Invalid("title", "A task needs a title.", "Say in one line what should be different.")
    if len(title) > LONGEST_TITLE:
        raise Invalid("title", f"A title has at most {LONGEST_TITLE} characters.", "Put the rest into the brief.")
    for field, text in texts.items():
        if len(text) > LONGEST_TEXT:
            raise Invalid(field, f"That is more than {LONGEST_TEXT:,} characters.", "Name a file instead.")
    if kind not in set(Kind):
        raise Invalid("kind", f"{kind!r} is no kind of task.", f"One of: {', '.join(Kind)}.")


def _rivals(narrows: Narrows, agent: str, wanted: Sequence[str]) -> list[str]:
    """Those that try a task besides `agent`, each once.

    Raises:
        NotFound: There is no such agent.
        Invalid: They are too many.
    """
    found = [each for each in dict.fromkeys(wanted) if each != agent]
    if len(found) > MOST_RIVALS:
        raise Invalid("rivals", f"At most {MOST_RIVALS} agents try a task besides the first.", "Choose fewer.")
    for each in found:
        agents.get(narrows, each)
    return found


def _link(db: Session, task: Task, after: Sequence[int]) -> None:
    for other in sorted(set(after)):
        before = queries.find_task(db, other)
        if before is None:
            raise Invalid("after", f"There is no task {other}.", "Name tasks by their numbers.")
        if other == task.id or task.id in queries.all_tasks_before(db, other):
            raise Invalid("after", f"Task {other} itself waits for this one.", "Take one of the two links away.")
        db.add(TaskLink(task_id=task.id, after_id=other))
