"""A worktree that can't be saved, or not be made anew: it stays as it is, and work goes on in another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from server.agents.protocol import AgentSpec
from server.domain.errors import DiskFull, NarrowsError
from server.domain.run import Run
from server.domain.states import ChangeState, RunState
from server.domain.trash import Kept
from server.engine import preparation
from server.engine.clean_trees import clean_tree
from server.engine.workplace import Workplace
from server.git import mirrors, places, worktrees
from server.services import changes, checkouts, cleaning, reviews, revisions, runs, trash
from tests.services.workshop import ME, Workshop


def prepare(place: Workplace, run: Run) -> Path:
    place.stops.clear()  # they belong to the loop that they were made in
    return asyncio.run(preparation.prepare(place, run, AgentSpec("demo", "command", ("true",)))).tree


def start(workshop: Workshop) -> Run:
    workshop.file()
    [run] = workshop.admit()
    return run


def spoil(tree: Path) -> Path:
    """Something that git would wait for ever to read."""
    (tree / "dear.txt").write_text("dear\n")
    (tree / "pipe").mkdir()
    os.mkfifo(tree / "pipe/.gitignore")
    return tree / "pipe/.gitignore"


def give_up(workshop: Workshop, run: Run) -> None:
    runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.FAILED))
    runs.decide(workshop.narrows, run.id)
    changes.abandon(workshop.narrows, run.change_id)


def refusing(tree: Path) -> Callable[[Path], None]:
    """Somebody else's files, or a mount that is busy: the kernel refuses to remove them."""

    def erase(path: Path) -> None:
        if path == tree:
            raise PermissionError(1, "Operation not permitted", str(path / "theirs"))
        places.erase(path)

    return erase


def test_the_next_change_gets_another_and_what_is_there_is_had_once_it_can_be_read(
    place: Workplace, workshop: Workshop
) -> None:
    narrows = workshop.narrows
    run = start(workshop)
    tree = prepare(place, run)
    pipe = spoil(tree)
    give_up(workshop, run)

    next_run = start(workshop)
    assert prepare(place, next_run) == tree.with_name("2"), "the first was still free when it was admitted"
    assert (tree / "dear.txt").read_text() == "dear\n"
    assert prepare(place, start(workshop)) == tree.with_name("3")
    [unsaved] = cleaning.unsaved(narrows)
    assert (unsaved.tree, unsaved.change and unsaved.change.id) == (tree, run.change_id)
    assert unsaved.why == "'pipe/.gitignore' in the worktree is nothing that git can read. Remove it, then try again."

    assert cleaning.try_again(narrows) == [unsaved]
    pipe.unlink()
    assert cleaning.try_again(narrows) == []
    assert not tree.exists()
    [kept] = [item.row for item in trash.every(narrows) if item.row.kind is Kept.TREE]
    assert kept.change_id == run.change_id
    assert mirrors.read_file(workshop.mirror, kept.ref, "dear.txt") == b"dear\n"
    assert prepare(place, start(workshop)) == tree, "its number is free again"


def test_a_try_that_broke_off_goes_on_elsewhere(place: Workplace, workshop: Workshop) -> None:
    run = start(workshop)
    tree = prepare(place, run)
    workshop.finish(run, {"said.txt": "said\n"})
    reviews.request_changes(workshop.narrows, run.change_id, revision=1, message="Louder.")
    [following] = workshop.admit()
    spoil(tree)
    again = runs.begin(workshop.narrows, following.id, ME)
    assert again is not None
    moved = prepare(place, again)
    assert moved == tree.with_name("2")
    assert (moved / "said.txt").read_text() == "said\n"
    assert changes.get(workshop.narrows, run.change_id).slot == 2
    [unsaved] = cleaning.unsaved(workshop.narrows)
    assert unsaved.change is not None


def test_a_person_gets_another_as_well(place: Workplace, workshop: Workshop) -> None:
    run = start(workshop)
    spoil(prepare(place, run))
    change = workshop.change()
    changes.abandon(workshop.narrows, change.id)
    give_up(workshop, run)
    mine = changes.restore(workshop.narrows, change.id)
    assert mine.state is ChangeState.IN_REVIEW
    [revision] = revisions.of_change(workshop.narrows, mine.id)
    assert checkouts.ready(workshop.narrows, mine, revision).name == "2"


def test_one_that_cant_be_made_anew_is_passed_over(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(workshop)
    tree = prepare(place, run)
    give_up(workshop, run)

    with monkeypatch.context() as patch:
        patch.setattr(worktrees, "erase", refusing(tree))
        patch.setattr(worktrees, "_reset", lambda *_: False)
        assert prepare(place, start(workshop)) == tree.with_name("2")
        [unsaved] = cleaning.try_again(workshop.narrows)
    assert unsaved.why == (
        f"The worktree {tree} can't be made anew: Operation not permitted ({tree}/theirs). "
        "Remove that folder by hand, then try again."
    )
    assert cleaning.try_again(workshop.narrows) == []
    assert not tree.exists()


def test_a_clean_one_that_cant_be_made_anew_is_passed_over_by_checks_and_landings(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a check left there is somebody else's, as what a container writes is."""
    narrows, project = workshop.narrows, workshop.project
    target = mirrors.fetch(Path(project.path), workshop.mirror, "main")

    async def use() -> Path:
        async with clean_tree(place, project, target) as tree:
            return tree

    tree = asyncio.run(use())
    with monkeypatch.context() as patch:
        patch.setattr(worktrees, "erase", refusing(tree))
        patch.setattr(worktrees, "_reset", lambda *_: False)
        assert asyncio.run(use()) == tree.with_name("clean-2")
        [unsaved] = cleaning.try_again(narrows)
    assert (unsaved.tree, unsaved.change) == (tree, None)
    assert cleaning.try_again(narrows) == []
    assert not tree.exists()
    assert asyncio.run(use()) == tree


@pytest.mark.parametrize("error", [DiskFull("no room"), NarrowsError("There is no such commit.", "Look at it.")])
def test_what_is_not_for_what_stood_there_is_said_and_moves_nothing(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, error: NarrowsError
) -> None:
    def fails(*_: object) -> None:
        raise error

    run = start(workshop)
    if isinstance(error, DiskFull):
        prepare(place, run)
        give_up(workshop, run)
        run = start(workshop)
    monkeypatch.setattr(checkouts, "check_out", fails)
    with pytest.raises(type(error)):
        prepare(place, run)
    assert changes.get(workshop.narrows, run.change_id).slot == 1
    assert cleaning.unsaved(workshop.narrows) == []
