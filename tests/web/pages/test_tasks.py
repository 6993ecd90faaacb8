"""The backlog, and the form that loses nothing."""

from __future__ import annotations

from typing import Any

from server.domain.states import TaskState
from server.services import tasks
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def test_filing_leaves_the_form_ready_for_the_next(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    project = on_desk.project.id
    for name, text in {"title": "Half", "brief": "a brief", "kind": "refactoring"}.items():
        person.client.put(f"/drafts/task/new/{name}", data={"text": text})
    form = person.reads("/tasks/new")
    assert 'value="Half"' in form
    assert ">a brief</textarea>" in form
    assert 'value="refactoring" checked' in form
    fields: dict[str, Any] = {
        "project": project,
        "title": "Whole",
        "brief": "b",
        "kind": "directed",
        "agent": "demo",
        "priority": "3",
    }
    assert person.sends("/tasks", **fields) == "/tasks/new?done=filed-1"
    ready = person.reads("/tasks/new?done=filed-1")
    assert "Filed #1 “Whole”." in ready
    assert "Half" not in ready
    assert '<option value="demo" selected>' in ready
    task = tasks.get(narrows, 1)
    assert (task.title, task.brief, task.priority) == ("Whole", "b", 3)


def test_an_error_stands_beside_its_field_and_keeps_everything(person: Person, on_desk: Desk) -> None:
    fields: dict[str, Any] = {"project": on_desk.project.id, "brief": "My <brief>", "kind": "research", "priority": "2"}
    page = person.sends("/tasks", 422, title=" ", **fields)
    assert 'id="against-title"' in page
    assert 'aria-describedby="against-title"' in page
    assert "My <brief>" in page
    assert 'value="research" checked' in page
    assert "is no whole number" in person.sends("/tasks", 422, **fields | {"title": "T", "priority": "soon"})
    assert "Choose a project." in person.sends("/tasks", 422, title="T")
    assert "No agent is called" in person.sends("/tasks", 404, **fields | {"title": "T", "agent": "nobody"})


def test_a_task_waits_for_another_and_says_so(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    project = on_desk.project.id
    person.sends("/tasks", project=project, title="First")
    person.sends("/tasks", project=project, title="Second", after="1")
    assert "It starts after #1." in person.reads("/tasks/2")
    backlog = person.reads("/tasks")
    assert backlog.index("First") < backlog.index("Second")
    assert "blocked" in backlog


def test_edit_drop_and_open_again(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    person.sends("/tasks", project=on_desk.project.id, title="Once", brief="b")
    assert 'value="Once"' in person.reads("/tasks/1/edit")
    fields: dict[str, Any] = {"title": "Twice", "brief": "c", "kind": "directed", "agent": "demo", "priority": "1"}
    assert person.sends("/tasks/1", **fields) == "/tasks/1?done=revised-1"
    assert "Twice" in person.reads("/tasks/1")
    assert 'id="against-title"' in person.sends("/tasks/1", 422, **fields | {"title": ""})
    assert person.sends("/tasks/1/drop") == "/tasks?done=dropped-1"
    assert tasks.get(narrows, 1).state is TaskState.DROPPED
    assert "Open again" in person.reads("/tasks/1")
    person.sends("/tasks/1/reopening")
    assert tasks.get(narrows, 1).state is TaskState.OPEN


def test_where_each_task_stands(person: Person, on_desk: Desk) -> None:
    on_desk.holds("On the desk")
    page = person.reads("/tasks")
    assert "on the desk" in page
    assert "change #1" in page
    assert "Change #1" in person.reads("/tasks/1")
