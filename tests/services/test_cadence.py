"""After so many landed changes a refactoring is drafted, and is the person's to start or to dismiss."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.landing import Landing
from server.domain.task import Kind
from server.git.places import erase
from server.services import cadence, events, projects, task_drafts, tasks
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from server.store import cadence_queries
from tests.services.workshop import Workshop


def tangle(branches: int, name: str = "parse") -> str:
    body = "".join(f"    if text == {n}:\n        return {n}\n    total = {n}\n" for n in range(branches))
    return f"def {name}(text):\n{body}    return total\n"


def grows(workshop: Workshop, branches: int, kind: Kind = Kind.DIRECTED, path: str = "src/tangle.py") -> Landing:
    """A change that makes a file so complex, in a fresh worktree, landed."""
    for tree in (workshop.narrows.settings.worktrees / str(workshop.project.id)).glob("*"):
        erase(tree)
    return workshop.land(workshop.change({path: tangle(branches)}, kind=kind))


def drafted(workshop: Workshop) -> TaskDraft | None:
    """What the engine drafts now."""
    if cadence.due(workshop.narrows, workshop.project.id):
        cadence.survey(workshop.narrows, workshop.project.id)
    return cadence.draft(workshop.narrows, workshop.project.id)


def test_every_fourth_landed_change_drafts_a_refactoring(narrows: Narrows, workshop: Workshop) -> None:
    for branches in (4, 8, 12):
        grows(workshop, branches)
        assert drafted(workshop) is None
    landing = grows(workshop, 16)
    draft = drafted(workshop)
    assert draft is not None
    assert cadence.waiting(narrows) == [draft]
    assert draft.title == "Refactor tangle.py: changed much, and grew complex"
    assert "- `src/tangle.py`: 50 changed lines in 4 commits; its branches: 0 → 16" in draft.fields["brief"]
    assert "  - `parse`: complexity new → 17" in draft.fields["brief"]
    assert "What must not change: what it does, its public names, its tests." in draft.fields["brief"]
    assert "no test was changed" in draft.fields["done_when"]
    assert (draft.fields["kind"], draft.fields["project"]) == ("refactoring", str(workshop.project.id))
    [noted] = [event for event in events.of_change(narrows, landing.change_id) if event.verb == cadence_queries.DRAFTED]
    assert (noted.noun, noted.noun_id) == ("landing", landing.id)


def test_once_for_a_landing_whoever_asks(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    grows(workshop, 20)
    assert cadence.every_due(workshop.narrows) == [workshop.project.id]
    first = drafted(workshop)
    assert first is not None
    assert drafted(workshop) is None
    task_drafts.discard(workshop.narrows, first.name)
    assert drafted(workshop) is None  # dismissed is dismissed
    grows(workshop, 40)
    again = drafted(workshop)
    assert again is not None
    assert "complexity 21 → 41" in again.fields["brief"]


def test_killed_while_it_is_written_it_is_drafted_at_the_next_start(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    grows(workshop, 20)
    cadence.survey(workshop.narrows, workshop.project.id)
    with monkeypatch.context() as dying:
        dying.setattr(events, "note", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            cadence.draft(workshop.narrows, workshop.project.id)
    assert task_drafts.every(workshop.narrows) == []
    assert cadence.draft(workshop.narrows, workshop.project.id) is not None


def test_while_one_waits_or_is_under_way_there_is_no_other(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    grows(workshop, 20)
    first = drafted(workshop)
    assert first is not None
    grows(workshop, 40)
    assert drafted(workshop) is None
    task_drafts.discard(workshop.narrows, first.name)
    task = workshop.file(kind=Kind.REFACTORING)
    assert drafted(workshop) is None
    tasks.drop(workshop.narrows, task.id)
    assert drafted(workshop) is not None


def test_a_refactoring_counts_for_nothing_and_starts_the_count_anew(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=2)
    grows(workshop, 10)
    grows(workshop, 20, Kind.REFACTORING)
    grows(workshop, 30)
    assert cadence.due(workshop.narrows, workshop.project.id) is None
    grows(workshop, 40)
    stretch = cadence.due(workshop.narrows, workshop.project.id)
    assert stretch is not None
    assert stretch.changes == 2


def test_what_was_undone_is_not_counted(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=2)
    grows(workshop, 10)
    workshop.undo(grows(workshop, 20))
    assert cadence.due(workshop.narrows, workshop.project.id) is None


def test_nothing_is_drafted_where_nothing_grew(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    workshop.land(workshop.change({"notes.txt": "x\n" * 300}))
    grows(workshop, 30, path="tests/test_tangle.py")
    grows(workshop, 30, path="vendor/tangle.py")
    assert drafted(workshop) is None
    assert cadence.waiting(workshop.narrows) == []


def test_what_agents_leave_alone_is_no_aim(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1, hands_off=["src/"])
    grows(workshop, 30)
    assert drafted(workshop) is None


def test_never_where_the_project_says_so(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=0)
    grows(workshop, 30)
    assert (drafted(workshop), cadence.every_due(workshop.narrows)) == (None, [])


def test_a_mirror_that_is_gone_is_said_and_tried_again(workshop: Workshop, tmp_path: Path) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    grows(workshop, 30)
    away = workshop.mirror.rename(tmp_path / "away")
    with pytest.raises(Exception, match="mirror"):
        cadence.survey(workshop.narrows, workshop.project.id)
    assert cadence.draft(workshop.narrows, workshop.project.id) is None
    away.rename(workshop.mirror)
    assert drafted(workshop) is not None


def test_names_of_files_and_functions_break_no_text(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)
    grows(workshop, 30, path="src/a`b.py")
    draft = drafted(workshop)
    assert draft is not None
    assert "- `src/a'b.py`: " in draft.fields["brief"]
