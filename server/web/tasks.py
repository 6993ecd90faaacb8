"""Tasks: the backlog, the form, and where each one stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from server.domain.change import Change
from server.domain.errors import Invalid, NarrowsError
from server.domain.states import TaskState, Turn
from server.domain.task import Kind, Task
from server.services import agents, drafts, forecasts, projects, task_drafts, tasks
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

DRAFTS = "task/new/"
BACKLOG = 100
RECENT = 50
KINDS = {
    Kind.DIRECTED: "A change that you describe.",
    Kind.MAINTENANCE: "Upkeep: the evidence first, then the smallest change.",
    Kind.RESEARCH: "A question: the answer is a report, nothing lands.",
    Kind.REFACTORING: "The same behaviour in a better shape.",
}


WHOSE = {
    Turn.YOURS: "on the desk",
    Turn.AGENTS: "an agent is at it",
    Turn.ENGINES: "landing",
    Turn.NOBODYS: "in the backlog",
}


@dataclass(frozen=True)
class Typed:
    """The form's fields as typed."""

    project: str = ""
    title: str = ""
    brief: str = ""
    examples: str = ""
    done_when: str = ""
    kind: str = Kind.DIRECTED.value
    agent: str = ""
    priority: str = "0"
    after: tuple[str, ...] = ()

    @classmethod
    def kept(cls, fields: Mapping[str, str]) -> Typed:
        """As the fields' drafts have it."""
        after = tuple(number for number in fields.get("after", "").split(",") if number)
        known = {name: text for name, text in fields.items() if name in cls.__dataclass_fields__}
        return cls(**known | {"after": after})  # type: ignore[arg-type]

    def fields(self) -> dict[str, Any]:
        """As the services take them.

        Raises:
            Invalid: A number is none.
        """
        return {
            "title": self.title,
            **{name: getattr(self, name).replace("\r\n", "\n") for name in ("brief", "examples", "done_when")},
            "kind": self.kind,
            "agent": self.agent,
            "priority": _number("priority", self.priority),
            "after": [_number("after", number) for number in self.after],
        }


@router.get("/tasks")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """What waits for an agent, in order, and what was filed lately."""
    forecasts.ask_all(narrows)
    return rendering.page(
        request,
        narrows,
        "tasks/index.html",
        drafts=[(draft, _name(draft)) for draft in task_drafts.every(narrows)],
        backlog=tasks.backlog(narrows, BACKLOG),
        recent=[(task, change, where(task, change)) for task, change in tasks.recent(narrows, RECENT)],
        outlooks=forecasts.every(narrows),
        live="/live?watch=tasks",
        section="tasks",
    )


def where(task: Task, change: Change | None) -> str:
    """Where a task stands, in a few words."""
    if change is None or task.state is not TaskState.OPEN:
        return "in the backlog" if task.state is TaskState.OPEN else task.state.value
    return WHOSE[change.turn]


def _name(draft: TaskDraft) -> str:
    """What a draft is called in a list."""
    return draft.title.strip() or "(without a title)"


@router.get("/tasks/new")
def ask(request: Request, narrows: NarrowsDep, draft: str = "") -> Response:
    """The form, with whatever was typed into it before, or with the kept draft of that name."""
    if draft:
        return _form(request, narrows, Typed.kept(task_drafts.get(narrows, draft).fields), draft=draft)
    kept = {key.removeprefix(DRAFTS): text for key, text in drafts.find(narrows, DRAFTS).items()}
    return _form(request, narrows, Typed.kept(kept))


@router.post("/tasks")
def file(
    request: Request,
    narrows: NarrowsDep,
    project: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    brief: Annotated[str, Form()] = "",
    examples: Annotated[str, Form()] = "",
    done_when: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = Kind.DIRECTED.value,
    agent: Annotated[str, Form()] = "",
    priority: Annotated[str, Form()] = "0",
    after: Annotated[list[str] | None, Form()] = None,
    draft: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """File a task, and be ready for the next; or for what to do with the next kept draft, if it was one."""
    typed = Typed(project, title, brief, examples, done_when, kind, agent, priority, tuple(after or ()))
    try:
        task = tasks.file(narrows, project_id=_number("project", project), **typed.fields())
    except NarrowsError as error:
        return _form(request, narrows, typed, error, draft=draft)
    if draft:
        drafts.forget(narrows, task_drafts.prefix(draft))
        return rendering.go(request, f"/tasks?done=filed-{task.id}")
    drafts.forget(narrows, DRAFTS)
    drafts.keep(narrows, f"{DRAFTS}project", project)
    drafts.keep(narrows, f"{DRAFTS}agent", agent)
    return rendering.go(request, f"/tasks/new?done=filed-{task.id}")


@router.post("/tasks/drafts/{name}/filing")
def file_draft(request: Request, narrows: NarrowsDep, name: str) -> Response:
    """File a kept draft as it is."""
    typed = Typed.kept(task_drafts.get(narrows, name).fields)
    try:
        task = tasks.file(narrows, project_id=_number("project", typed.project), **typed.fields())
    except NarrowsError as error:
        return _form(request, narrows, typed, error, draft=name)
    task_drafts.discard(narrows, name)
    return rendering.go(request, f"/tasks?done=filed-{task.id}")


@router.post("/tasks/drafts/{name}/discard")
def discard_draft(request: Request, narrows: NarrowsDep, name: str) -> Response:
    """A kept draft is not wanted."""
    task_drafts.discard(narrows, name)
    return rendering.go(request, "/tasks")


@router.get("/tasks/{task_id}")
def show(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """A task, what came of it, and why it is not running if it is not."""
    standing = tasks.standing(narrows, task_id)
    return rendering.page(
        request,
        narrows,
        "tasks/show.html",
        standing=standing,
        shown={turn.value: said for turn, said in WHOSE.items()}.get(standing.shown, standing.shown),
        project=projects.get(narrows, standing.task.project_id),
        section="tasks",
    )


@router.get("/tasks/{task_id}/edit")
def ask_edit(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """The form, filled with the task."""
    standing = tasks.standing(narrows, task_id)
    task = standing.task
    after = tuple(str(other.id) for other in standing.after)
    typed = Typed(
        str(task.project_id),
        task.title,
        task.brief,
        task.examples,
        task.done_when,
        task.kind.value,
        task.agent,
        str(task.priority),
        after,
    )
    return _form(request, narrows, typed, task=task)


@router.post("/tasks/{task_id}")
def revise(
    request: Request,
    narrows: NarrowsDep,
    task_id: int,
    title: Annotated[str, Form()] = "",
    brief: Annotated[str, Form()] = "",
    examples: Annotated[str, Form()] = "",
    done_when: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = Kind.DIRECTED.value,
    agent: Annotated[str, Form()] = "",
    priority: Annotated[str, Form()] = "0",
    after: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Say it better, while no agent has started on it."""
    task = tasks.get(narrows, task_id)
    typed = Typed(str(task.project_id), title, brief, examples, done_when, kind, agent, priority, tuple(after or ()))
    try:
        tasks.revise(narrows, task_id, **typed.fields())
    except NarrowsError as error:
        return _form(request, narrows, typed, error, task=task)
    return rendering.go(request, f"/tasks/{task_id}?done=revised-{task_id}")


@router.post("/tasks/{task_id}/drop")
def drop(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """No longer wanted."""
    tasks.drop(narrows, task_id)
    return rendering.go(request, f"/tasks?done=dropped-{task_id}")


@router.post("/tasks/{task_id}/reopening")
def reopen(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """Wanted again."""
    tasks.reopen(narrows, task_id)
    return rendering.go(request, f"/tasks/{task_id}?done=reopened-{task_id}")


def _form(
    request: Request,
    narrows: Narrows,
    typed: Typed,
    error: NarrowsError | None = None,
    *,
    task: Task | None = None,
    draft: str = "",
) -> Response:
    """The form for a new task; for `task`, to say it better; or for the kept draft of that name."""
    others = [
        standing.task for standing in tasks.backlog(narrows, BACKLOG) if task is None or standing.task.id != task.id
    ]
    others += [t for t, _ in tasks.recent(narrows, RECENT) if t.state is TaskState.OPEN and t not in others]
    return rendering.page(
        request,
        narrows,
        "tasks/form.html",
        status=error.status if error else 200,
        block="form",
        typed=typed,
        error=error,
        task=task,
        draft=draft,
        kept_in=task_drafts.prefix(draft) if draft else DRAFTS,
        projects=projects.every(narrows),
        agents=agents.everyone(narrows),
        kinds=KINDS,
        others=sorted(others, key=lambda other: other.id, reverse=True),
        section="tasks",
    )


def _number(field: str, text: str) -> int:
    cleaned = text.strip().replace("−", "-")
    if not cleaned.removeprefix("-").isdecimal() or len(cleaned) > 12:
        said = "Choose a project." if field == "project" else f"{text!r} is no whole number."
        raise Invalid(field, said)
    return int(cleaned)
