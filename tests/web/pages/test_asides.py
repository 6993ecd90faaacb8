"""Code that came along with a report is said, shown and kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.run import Run
from server.domain.states import RunState
from server.git import mirrors, worktrees
from server.services import changes, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


@pytest.fixture
def run(on_desk: Desk, narrows: Narrows, worker: Worker) -> Run:
    """A research task's run at work, in a tree made ready."""
    tasks.file(narrows, project_id=on_desk.project.id, title="Which parser?", kind="research")
    [run] = worker.admit()
    mirror = narrows.mirror(on_desk.project.id)
    worktrees.prepare(mirror, tree(narrows, run), mirrors.fetch(Path(on_desk.project.path), mirror, "main"))
    return run


def tree(narrows: Narrows, run: Run) -> Path:
    return narrows.tree(run.project_id, changes.get(narrows, run.change_id).slot or 0)


def reports(narrows: Narrows, run: Run) -> None:
    revisions.take(narrows, run.id, summary="Done.", report="# The new one")
    runs.end(narrows, run.id, "tests", runs.Ending(RunState.SUCCEEDED, summary="Done."))
    runs.decide(narrows, run.id)


def test_the_page_names_what_came_along_and_leads_to_it(person: Person, narrows: Narrows, run: Run) -> None:
    (tree(narrows, run) / "<probe>.py").write_text("print('it & that')\n")
    reports(narrows, run)
    page = person.reads(f"/changes/{run.change_id}")
    assert "The agent also changed 1 file; kept apart, not part of the report: <code><probe>.py</code>" in page
    assert "Comments on the whole" in page
    assert 'id="file-0"' not in page
    here = f"/changes/{run.change_id}/revisions/1/aside"
    assert f'href="{here}"' in page
    raw = person.client.get(here).text
    assert "&lt;probe&gt;.py" in raw
    assert "it &amp; that" in raw
    assert "comments/new" not in raw, "read, and nothing decided"
    patch = person.client.get(f"/api{here}.patch")
    assert b"+print('it & that')" in patch.content
    assert patch.headers["content-disposition"] == f'attachment; filename="change-{run.change_id}-1-aside.patch"'


def test_a_report_alone_has_no_such_page(person: Person, narrows: Narrows, run: Run) -> None:
    reports(narrows, run)
    assert "also changed" not in person.reads(f"/changes/{run.change_id}")
    here = f"/changes/{run.change_id}/revisions/1/aside"
    assert "Nothing came along with revision 1." in person.reads(here, 404)
    assert person.client.get(f"/api{here}.patch").status_code == 404
