"""The trash as a person sees it: what is there, why, until when; and having it back."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from server.domain.project import Project
from server.domain.trash import Kept
from server.services import changes, checkouts, cleaning, projects, room, tasks, trash
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


@pytest.fixture
def abandoned(narrows: Narrows, on_desk: Desk, project: Project) -> int:
    """A change that was given up, beside a file that nobody had saved."""
    change = on_desk.holds("Add adds")
    tree = checkouts.find(narrows, changes.get(narrows, change))
    if tree is not None:
        (tree / "more.txt").write_text("more\n")
    changes.abandon(narrows, change)
    cleaning.tidy(narrows, project)
    trash.weigh(narrows, project.id)
    return change


def test_what_is_there_with_why_and_until_when(person: Person, narrows: Narrows, abandoned: int) -> None:
    html = person.reads("/trash")
    assert "Add adds" in html
    assert f"change #{abandoned}" in html
    assert "Abandoned." in html
    until = trash.every(narrows)[-1].until
    assert until is not None
    assert f"until {until:%Y-%m-%d}" in html
    assert '<a href="/trash">trash</a>' in person.reads("/tasks")
    assert '<a href="/trash">trash</a>' in person.reads("/preferences")


def test_a_change_comes_back_to_the_desk(person: Person, narrows: Narrows, abandoned: int) -> None:
    row = trash.every(narrows)[-1].row
    to = person.sends(f"/trash/{row.id}/restoration")
    assert to == f"/changes/{abandoned}?done=restored-{abandoned}"
    assert "is back" in person.reads(to)
    assert person.sends(f"/trash/{row.id}/restoration", status=409), "it is not there any more"


def test_its_files_go_to_a_folder_and_never_over_others(
    person: Person, narrows: Narrows, abandoned: int, tmp_path: Path
) -> None:
    row = trash.every(narrows)[-1].row
    to = tmp_path / "mine"
    assert "Written" in person.reads(person.sends(f"/trash/{row.id}/restoration", to=str(to)))
    assert any(to.iterdir())
    html = person.sends(f"/trash/{row.id}/restoration", status=400, to=str(to))
    assert "is not empty. Name a folder that is not there yet: nothing is overwritten." in " ".join(
        html.replace("<strong>", "").replace("</strong>", "").split()
    )
    said = html.index("is not empty.")
    assert said > html.index(f'id="trash-{row.id}"'), "it is said where it was typed"
    assert f'value="{to}" autofocus' in html[said:], "which is there again"
    assert "There is no home for ~nobodys-home" in person.sends(
        f"/trash/{row.id}/restoration", status=422, to="~nobodys-home/x"
    )
    assert person.client.get(f"/trash/{row.id}.patch").content.startswith(b"diff --git")


def test_what_is_removed_is_gone_and_its_page_says_so(
    person: Person, narrows: Narrows, project: Project, abandoned: int
) -> None:
    for item in trash.every(narrows):
        assert "Removed" in person.reads(person.sends(f"/trash/{item.row.id}/removal"))
    assert trash.prune(narrows, project, older=timedelta())
    assert "The trash is empty." in person.reads("/trash")
    assert "Add adds" in person.reads(f"/changes/{abandoned}")
    assert "was removed from the trash" in person.sends(f"/changes/{abandoned}/restoration", status=409)


def test_a_nearly_full_disk_is_said_on_every_page(
    person: Person, narrows: Narrows, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nearly full" not in person.reads("/")
    tasks.file(narrows, project_id=project.id, title="Add adds")
    waits = "It starts once there is room on the disk."
    assert waits not in person.reads("/tasks")

    def nearly_full(_narrows: Narrows) -> int:
        return 812

    with monkeypatch.context() as patch:
        patch.setattr(room, "free", nearly_full)
        sentence = "812 MB are free where Narrows keeps its data, less than 1024 MB."
        assert all(sentence in person.reads(path) for path in ("/", "/tasks", "/runs"))
        assert waits in person.reads("/tasks")
        off = replace(narrows, settings=replace(narrows.settings, free_mb=0))
        assert room.shortage(off) == ""


def test_a_worktree_that_stays_as_it_is_is_named_where_a_person_looks(
    person: Person, narrows: Narrows, project: Project, on_desk: Desk
) -> None:
    change = changes.get(narrows, on_desk.holds("Add adds"))
    tree = narrows.tree(project.id, change.slot or 1)
    checkouts.tenant_file(tree).write_text(str(change.id))
    (tree / "pipe").mkdir(parents=True)
    os.mkfifo(tree / "pipe/.gitignore")
    changes.abandon(narrows, change.id)
    cleaning.tidy(narrows, project)
    for page in ("/trash", "/runs"):
        html = person.reads(page)
        assert f"of change #{change.id} stays as it is, and work goes on in others." in re.sub("<[^>]*>", "", html)
        assert "Remove it, then try again." in html
    assert person.sends("/trash/worktrees") == "/trash"
    (tree / "pipe/.gitignore").unlink()
    to = person.sends("/trash/worktrees")
    assert "One worktree is cleared: what stood there is in the trash." in person.reads(to)
    assert "stays as it is" not in person.reads("/runs")


def test_a_removed_project_is_there_as_a_whole_and_comes_back(
    person: Person, narrows: Narrows, project: Project, abandoned: int
) -> None:
    projects.remove(narrows, project.id)
    trash.take_in(narrows, project)
    html = person.reads("/trash")
    assert "The whole project" in html
    assert "The project was removed." in html
    row = next(item.row for item in trash.every(narrows) if item.row.kind is Kept.PROJECT)
    html = re.sub("<[^>]*>", "", person.sends(f"/trash/{row.id}/removal", status=409))
    assert "there is something else in the trash" in html
    to = person.sends(f"/trash/{row.id}/restoration")
    assert to == f"/projects/{project.id}?done=registered-{project.id}"
    assert f"Registered {project.name}." in person.reads(to)
    assert "The whole project" not in person.reads("/trash")
    assert f"change #{abandoned}" in person.reads("/trash")


def test_changes_of_a_project_whose_mirror_is_gone_can_be_read(
    person: Person, narrows: Narrows, project: Project, on_desk: Desk
) -> None:
    change = on_desk.holds("Add adds")
    projects.remove(narrows, project.id)
    checkouts.forget(narrows.tree(project.id, 1))
    for row in reversed([item.row for item in trash.every(narrows)]):
        cleaning.tidy(narrows, projects.get(narrows, project.id))
        trash.remove(narrows, row.id)
    assert not narrows.mirror(project.id).exists()
    assert "return a + b" in re.sub("<[^>]*>", "", person.reads(f"/changes/{change}"))
