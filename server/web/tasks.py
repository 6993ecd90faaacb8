"""Tasks: the backlog, the form, and where each one stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from server.domain.change import Change
from server.domain.errors import Invalid, NarrowsError
from server.domain.states import TaskState, Turn
from server.domain.task import Kind, Task
from server.reading import task_hints
from server.reading.task_hints import Hint
from server.services import agents, drafts, forecasts, projects, task_drafts, tasks
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from server.web import rendering, task_templates
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


SEVERAL = ("rivals", "after")  # fields that hold more than one


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
    rivals: tuple[str, ...] = ()
    priority: str = "0"
    after: tuple[str, ...] = ()
    follows: str = ""  # the name of the draft whose task this one's starts after

    @classmethod
    def kept(cls, fields: Mapping[str, str]) -> Typed:
        """As the fields' drafts have it."""
        several = {name: tuple(filter(None, fields.get(name, "").split(","))) for name in SEVERAL}
        known = {name: text for name, text in fields.items() if name in cls.__dataclass_fields__}
        return cls(**known | several)  # type: ignore[arg-type]

    def as_kept(self) -> dict[str, str]:
        """The other way round."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: ",".join(text) if name in SEVERAL else text.replace("\r\n", "\n") for name, text in said.items()}

    @property
    def hints(self) -> list[Hint]:
        """What would make it a smaller or a clearer task, while it is typed."""
        return task_hints.of_fields(self.as_kept(), typing=True)

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
            "rivals": self.rivals,
            "priority": _number("priority", self.priority),
            "after": [_number("after", number) for number in self.after],
        }


def typed_form(
    project: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
    brief: Annotated[str, Form()] = "",
    examples: Annotated[str, Form()] = "",
    done_when: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = Kind.DIRECTED.value,
    agent: Annotated[str, Form()] = "",
    rivals: Annotated[list[str] | None, Form()] = None,
    priority: Annotated[str, Form()] = "0",
    after: Annotated[list[str] | None, Form()] = None,
    follows: Annotated[str, Form(max_length=40)] = "",
) -> Typed:
    """What this request's form says."""
    return Typed(
        project,
        title,
        brief,
        examples,
        done_when,
        kind,
        agent,
        tuple(rivals or ()),
        priority,
        tuple(after or ()),
        follows,
    )


TypedForm = Annotated[Typed, Depends(typed_form)]


@router.get("/tasks")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """What waits for an agent, in order, and what was filed lately."""
    forecasts.ask_all(narrows)
    return rendering.page(
        request,
        narrows,
        "tasks/index.html",
        drafts=_listed(task_drafts.every(narrows)),
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


def _listed(found: list[TaskDraft]) -> list[tuple[TaskDraft, str, str]]:
    """Each draft with what it is called, and what the one is called that it follows."""
    names = {draft.name: _name(draft) for draft in found}
    return [(draft, names[draft.name], names.get(draft.fields.get(task_drafts.FOLLOWS, ""), "")) for draft in found]


def _name(draft: TaskDraft) -> str:
    """What a draft is called in a list."""
    return draft.title.strip() or "(without a title)"


@router.get("/tasks/new")
def ask(request: Request, narrows: NarrowsDep, draft: str = "", template: str = "") -> Response:
    """The form, with whatever was typed into it before, or with the kept draft of that name.

    `template`: what is empty begins as that template says.
    """
    if draft:
        kept: Mapping[str, str] = task_drafts.get(narrows, draft).fields
    else:
        kept = {key.removeprefix(DRAFTS): text for key, text in drafts.find(narrows, DRAFTS).items()}
    begun = task_templates.find(template)
    typed = {name: text for name, text in kept.items() if text.strip()}
    return _form(
        request, narrows, Typed.kept({**(begun.fields if begun else {}), **typed}), draft=draft, template=template
    )


@router.post("/tasks/hints")
def hint(request: Request, typed: TypedForm) -> Response:
    """What would make the task that is being typed a smaller or a clearer one."""
    return rendering.fragment(request, "tasks/_hints.html", hints=typed.hints)


@router.post("/tasks/split")
def split(
    request: Request,
    narrows: NarrowsDep,
    typed: TypedForm,
    chained: Annotated[bool, Form()] = False,
    draft: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """What is typed becomes a draft for each of its parts; the form is ready for the next."""
    try:
        made = task_drafts.split(narrows, typed.as_kept(), chained=chained, name=draft)
    except NarrowsError as error:
        return _form(request, narrows, typed, error, draft=draft)
    if not draft:
        _forget_typed(narrows, typed)
    return rendering.go(request, f"/tasks?done=drafted-{len(made)}")


@router.post("/tasks")
def file(
    request: Request,
    narrows: NarrowsDep,
    typed: TypedForm,
    draft: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """File a task, and be ready for the next; or for what to do with the next kept draft, if it was one."""
    try:
        typed = _following(narrows, typed, draft)
        task = tasks.file(narrows, project_id=_number("project", typed.project), **typed.fields())
    except NarrowsError as error:
        return _form(request, narrows, typed, error, draft=draft)
    if draft:
        task_drafts.filed(narrows, draft, task.id)
        return rendering.go(request, f"/tasks?done=filed-{task.id}")
    _forget_typed(narrows, typed)
    return rendering.go(request, f"/tasks/new?done=filed-{task.id}")


def _forget_typed(narrows: Narrows, typed: Typed) -> None:
    """What was typed arrived; the next task is mostly for the same project and agent."""
    drafts.forget(narrows, DRAFTS)
    drafts.keep(narrows, f"{DRAFTS}project", typed.project)
    drafts.keep(narrows, f"{DRAFTS}agent", typed.agent)


def _following(narrows: Narrows, typed: Typed, draft: str) -> Typed:
    """The kept draft's fields with the task of the draft that it follows, which may have been filed since.

    Raises:
        Invalid: That one is a draft yet.
    """
    if not (draft and typed.follows):
        return typed
    if before := task_drafts.before(narrows, draft):
        raise Invalid(
            "follows", f"It starts after “{_name(before)}”, which is a draft yet.", "File that first, or untick it."
        )
    kept = Typed.kept(task_drafts.get(narrows, draft).fields)
    return replace(typed, after=tuple(dict.fromkeys((*typed.after, *kept.after))))


@router.post("/tasks/drafts/{name}/filing")
def file_draft(request: Request, narrows: NarrowsDep, name: str) -> Response:
    """File a kept draft as it is."""
    typed = Typed.kept(task_drafts.get(narrows, name).fields)
    try:
        typed = _following(narrows, typed, name)
        task = tasks.file(narrows, project_id=_number("project", typed.project), **typed.fields())
    except NarrowsError as error:
        return _form(request, narrows, typed, error, draft=name)
    task_drafts.filed(narrows, name, task.id)
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
        hints=tasks.hints(standing),
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
        tuple(task.rivals),
        str(task.priority),
        after,
    )
    return _form(request, narrows, typed, task=task)


@router.post("/tasks/{task_id}")
def revise(
    request: Request,
    narrows: NarrowsDep,
    task_id: int,
    typed: TypedForm,
) -> Response:
    """Say it better, while no agent has started on it."""
    task = tasks.get(narrows, task_id)
    typed = replace(typed, project=str(task.project_id))
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


@router.post("/tasks/{task_id}/passage")
def let_through(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """Start it whatever waits to be read."""
    tasks.let_through(narrows, task_id)
    return rendering.go(request, f"/tasks/{task_id}?done=through-{task_id}")


@router.post("/tasks/{task_id}/passage/withdrawal")
def hold_back(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """Start it when the budget has room."""
    tasks.hold_back(narrows, task_id)
    return rendering.go(request, f"/tasks/{task_id}?done=held-{task_id}")


def _form(
    request: Request,
    narrows: Narrows,
    typed: Typed,
    error: NarrowsError | None = None,
    *,
    task: Task | None = None,
    draft: str = "",
    template: str = "",
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
        before=_before(narrows, draft),
        begun=template,
        templates=task_templates.EVERY,
        hints=typed.hints,
        kept_in=task_drafts.prefix(draft) if draft else DRAFTS,
        projects=projects.every(narrows),
        agents=agents.everyone(narrows),
        kinds=KINDS,
        others=sorted(others, key=lambda other: other.id, reverse=True),
        section="tasks",
    )


def _before(narrows: Narrows, draft: str) -> tuple[TaskDraft, str] | None:
    """The draft whose task the kept draft's is to start after, and what it is called."""
    before = task_drafts.before(narrows, draft) if draft else None
    return (before, _name(before)) if before else None


def _number(field: str, text: str) -> int:
    cleaned = text.strip().replace("−", "-")
    if not cleaned.removeprefix("-").isdecimal() or len(cleaned) > 12:
        said = "Choose a project." if field == "project" else f"{text!r} is no whole number."
        raise Invalid(field, said)
    return int(cleaned)
