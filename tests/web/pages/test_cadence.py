"""A refactoring that Narrows drafted: on the backlog, on an empty desk, and in the project's settings."""

from __future__ import annotations

import pytest

from server.domain.project import Project
from server.domain.task import Kind
from server.services import projects, task_drafts, tasks
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from tests.web.pages.conftest import Person


@pytest.fixture
def draft(narrows: Narrows, project: Project) -> TaskDraft:
    fields = {"project": str(project.id), "title": "Refactor app.py", "kind": "refactoring", "cadence": "4"}
    return task_drafts.keep(narrows, [fields])[0]


def test_it_is_started_by_one_click(person: Person, narrows: Narrows, draft: TaskDraft) -> None:
    page = person.reads("/tasks")
    assert "drafted by Narrows after 4 landed changes" in page
    assert "Edit: Refactor app.py" in page
    assert "Start: Refactor app.py" in page
    assert person.sends(f"/tasks/drafts/{draft.name}/filing") == "/tasks?done=filed-1"
    assert tasks.get(narrows, 1).kind is Kind.REFACTORING
    assert task_drafts.every(narrows) == []


def test_it_is_edited_like_any_other(person: Person, draft: TaskDraft) -> None:
    assert "Refactor app.py" in person.reads(f"/tasks/new?draft={draft.name}")


def test_it_is_dismissed(person: Person, narrows: Narrows, draft: TaskDraft) -> None:
    assert "Dismiss: Refactor app.py" in person.reads("/tasks")
    person.sends(f"/tasks/drafts/{draft.name}/discard")
    assert task_drafts.every(narrows) == []


def test_an_empty_desk_says_so_in_one_line(person: Person, narrows: Narrows, draft: TaskDraft) -> None:
    task_drafts.keep(narrows, [{"title": "My own draft"}])
    page = person.reads("/")
    assert f'A refactoring is drafted: <a href="/tasks/new?draft={draft.name}">Refactor app.py</a>' in page
    assert "My own draft" not in page


def test_how_often_is_the_projects(person: Person, narrows: Narrows, project: Project) -> None:
    page = person.reads("/projects/1")
    assert '<input id="refactor_every" name="refactor_every" type="number" min="0" value="4">' in page
    person.sends("/projects/1", name="mine", target_branch="main", refactor_every="0")
    assert projects.get(narrows, 1).refactor_every == 0
    page = person.sends("/projects/1", 422, name="mine", target_branch="main", refactor_every="101")
    assert "It must be from 0 to 100." in page
