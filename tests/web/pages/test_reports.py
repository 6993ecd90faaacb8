"""A research task's report: read and accepted; what only concerns landings stays out of the way."""

from __future__ import annotations

from pathlib import Path

from server.domain.states import ChangeState, RunState
from server.git import mirrors, worktrees
from server.services import changes, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


def test_a_report_is_read_without_talk_of_landing_and_accepted(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    tasks.file(narrows, project_id=on_desk.project.id, title="Which parser?", kind="research")
    worker.admit()
    [run] = runs.of_change(narrows, 1)
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.SUCCEEDED))
    tree = narrows.tree(on_desk.project.id, changes.get(narrows, 1).slot or 0)
    mirror, path = narrows.mirror(on_desk.project.id), Path(on_desk.project.path)
    worktrees.prepare(mirror, tree, mirrors.fetch(path, mirror, "main"))
    revisions.take(narrows, run.id, summary="Done.", report="# The *new* one\n\n<b>Because</b>")
    runs.decide(narrows, run.id)
    page = person.client.get("/changes/1").text
    assert "The <em>new</em> one" in page
    assert "&lt;b&gt;Because" in page
    assert "A report: there is nothing to check." in page
    assert "Comments on the whole" in page
    for noise in ("Blocks landing", "nothing was proven", "0 files", "/landing/new"):
        assert noise not in page
    assert person.sends("/changes/1/acceptance", revision=1) == "/?done=accepted-1"
    assert changes.get(narrows, 1).state is ChangeState.ACCEPTED
