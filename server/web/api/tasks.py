"""Tasks: file, look at, say better, drop."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.domain.states import TaskState
from server.domain.task import Kind
from server.services import tasks
from server.web.api.answers import TaskAnswer
from server.web.api.asked import Asked, Id, Limit, Number, Text, Whole
from server.web.context import NarrowsDep

router = APIRouter(prefix="/tasks", tags=["tasks"])

KEPT = ("title", "brief", "examples", "done_when", "kind", "agent", "rivals", "priority")


class NewTask(Asked):
    """Work described in words."""

    project_id: Id
    title: Text
    brief: Text = ""
    examples: Text = Field(default="", description="Markdown: what goes in and what should come out.")
    done_when: Text = Field(default="", description="Markdown: how it is seen that the task is done.")
    kind: Text = Kind.DIRECTED.value
    agent: Text = ""
    rivals: list[Text] = Field(
        default_factory=list, description="Further agents, each with a change of its own for it."
    )
    priority: Whole = 0
    after: list[Id] = Field(default_factory=list)


class Revised(Asked):
    """What to say differently; what is left out stays."""

    title: Text | None = None
    brief: Text | None = None
    examples: Text | None = None
    done_when: Text | None = None
    kind: Text | None = None
    agent: Text | None = None
    rivals: list[Text] | None = None
    priority: Whole | None = None
    after: list[Id] | None = None


@router.post("", status_code=201, summary="File a task", description="It starts when there is room for it.")
def file(narrows: NarrowsDep, asked: NewTask) -> TaskAnswer:
    task = tasks.file(narrows, **asked.model_dump())
    return _answer(narrows, task.id)


@router.get("", summary="List tasks", description="Newest first.")
def every(
    narrows: NarrowsDep, state: TaskState | None = None, project_id: int | None = None, limit: Limit = 100
) -> list[TaskAnswer]:
    found = tasks.every(narrows, state=state, project_id=project_id, limit=limit)
    return [TaskAnswer.of(standing) for standing in found]


@router.get("/{task_id}", summary="One task", description="With its changes and runs, and why nothing runs if so.")
def one(narrows: NarrowsDep, task_id: Number) -> TaskAnswer:
    return _answer(narrows, task_id)


@router.patch("/{task_id}", summary="Say a task better", description="While no agent has started on it.")
def revise(narrows: NarrowsDep, task_id: Number, asked: Revised) -> TaskAnswer:
    standing = tasks.standing(narrows, task_id)
    stays = {name: getattr(standing.task, name) for name in KEPT}
    stays["after"] = [task.id for task in standing.after]
    tasks.revise(narrows, task_id, **{**stays, **asked.model_dump(exclude_none=True)})
    return _answer(narrows, task_id)


@router.delete("/{task_id}", summary="Drop a task", description="It is kept, and can be opened again.")
def drop(narrows: NarrowsDep, task_id: Number) -> TaskAnswer:
    tasks.drop(narrows, task_id)
    return _answer(narrows, task_id)


@router.post("/{task_id}/reopening", summary="Open a dropped task again")
def reopen(narrows: NarrowsDep, task_id: Number) -> TaskAnswer:
    tasks.reopen(narrows, task_id)
    return _answer(narrows, task_id)


@router.post("/{task_id}/passage", summary="Let a task start", description="Whatever waits to be read.")
def let_through(narrows: NarrowsDep, task_id: Number) -> TaskAnswer:
    tasks.let_through(narrows, task_id)
    return _answer(narrows, task_id)


@router.delete("/{task_id}/passage", summary="Hold a task back", description="Until the budget lets it start.")
def hold_back(narrows: NarrowsDep, task_id: Number) -> TaskAnswer:
    tasks.hold_back(narrows, task_id)
    return _answer(narrows, task_id)


def _answer(narrows: NarrowsDep, task_id: int) -> TaskAnswer:
    return TaskAnswer.of(tasks.standing(narrows, task_id))
