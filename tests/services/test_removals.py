"""A project that was removed: in the trash as a whole; its mirror goes last, and with it what could be had back."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from server.domain.base import now
from server.domain.errors import NarrowsError, WrongState
from server.domain.states import ChangeState
from server.domain.trash import Kept, Trash
from server.engine import cleaning
from server.git import mirrors
from server.services import changes, projects, removals, restorals, revisions, runs, trash, undos
from server.store import trash_queries
from tests.services.workshop import Workshop
from tests.support import invariants


def rows(workshop: Workshop) -> list[Trash]:
    return [item.row for item in trash.every(workshop.narrows)]


def whole(workshop: Workshop) -> Trash:
    [row] = [row for row in rows(workshop) if row.kind is Kept.PROJECT]
    return row


def removed(workshop: Workshop) -> None:
    """The project, as the engine leaves it."""
    projects.remove(workshop.narrows, workshop.project.id)
    cleaning._begin(workshop.narrows)


def older(workshop: Workshop, row: Trash, days: float) -> None:
    with workshop.narrows.transaction() as db:
        mine = trash_queries.one(db, row.id)
        mine.at = now() - timedelta(days=days)
        db.add(mine)


def emptied(workshop: Workshop) -> None:
    """The time of all that is there is over."""
    for row in rows(workshop):
        older(workshop, row, 31)
    cleaning.throw_away(workshop.narrows)


def test_it_is_listed_counted_and_registered_again_from_there(workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "said\n"})
    removed(workshop)
    row = whole(workshop)
    assert (row.why, row.project_id) == ("the project was removed", workshop.project.id)
    assert row.size > 0
    back = restorals.restore(workshop.narrows, row.id)
    assert back.project is not None
    assert back.project.id == workshop.project.id
    assert [project.id for project in projects.every(workshop.narrows)] == [workshop.project.id]
    assert {row.kind for row in rows(workshop)} == {Kept.CHANGE}
    assert changes.restore(workshop.narrows, change.id).state is ChangeState.IN_REVIEW

    removed(workshop)
    assert whole(workshop).id == row.id, "a project is there once"


def test_its_mirror_goes_last_once_the_time_of_all_is_over(workshop: Workshop) -> None:
    narrows = workshop.narrows
    landed = workshop.land(workshop.change({"landed.txt": "landed\n"}))
    change = workshop.change({"said.txt": "said\n"})
    (narrows.tree(workshop.project.id, change.slot or 0) / "more.txt").write_text("more\n")
    removed(workshop)
    tree = next(row for row in rows(workshop) if row.kind is Kept.TREE)
    for row in rows(workshop):
        if row.id != tree.id:
            older(workshop, row, 31)
    cleaning.throw_away(narrows)
    assert {row.kind for row in rows(workshop)} == {Kept.TREE, Kept.PROJECT}
    assert workshop.mirror.exists(), "something of it is kept"

    emptied(workshop)
    assert rows(workshop) == []
    assert not workshop.mirror.exists()
    assert list(narrows.settings.mirrors.iterdir()) == []
    assert (Path(workshop.project.path) / "landed.txt").exists()
    invariants.check(narrows)

    assert projects.register(narrows, workshop.project.path).id == workshop.project.id
    assert mirrors.resolve(workshop.mirror, "main") == landed.commit
    with pytest.raises(WrongState, match=r"was removed on .*, with its project. Take it back with git itself"):
        undos.ask(narrows, landed.id)
    with pytest.raises(WrongState, match="was removed from the trash"):
        changes.restore(narrows, change.id)
    again = workshop.change({"again.txt": "again\n"})
    assert trash.prune(narrows, workshop.project, older=timedelta())
    invariants.check(narrows)
    removed(workshop)
    assert whole(workshop).removed_at is None
    assert changes.get(narrows, again.id).state is ChangeState.ABANDONED


def test_it_stays_while_anything_of_it_is_kept_or_at_work(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    workshop.file()
    [run] = workshop.admit()
    projects.remove(narrows, workshop.project.id)
    cleaning._begin(narrows)
    row = whole(workshop)
    other = next(row for row in rows(workshop) if row.change_id == change.id)
    with pytest.raises(WrongState, match=r"there is something else in the trash: number \d+\. Restore or remove that"):
        trash.remove(narrows, row.id)
    trash.remove(narrows, other.id)
    workshop.end(run)
    with pytest.raises(WrongState):
        trash.remove(narrows, row.id)
    runs.decide(narrows, run.id)
    for each in rows(workshop):
        if each.kind is not Kept.PROJECT:
            trash.remove(narrows, each.id)
    left = narrows.tree(workshop.project.id, 1)
    left.mkdir(parents=True, exist_ok=True)
    with pytest.raises(WrongState, match="is still there"):
        trash.remove(narrows, row.id)
    shutil.rmtree(left)
    trash.remove(narrows, row.id)
    assert not workshop.mirror.exists()
    with pytest.raises(WrongState, match="was removed from the trash"):
        trash.remove(narrows, row.id)


def test_one_that_is_registered_again_is_not_removed(workshop: Workshop) -> None:
    removed(workshop)
    row = whole(workshop)
    projects.register(workshop.narrows, workshop.project.path)
    with pytest.raises(WrongState, match="was registered again"):
        trash.remove(workshop.narrows, row.id)
    assert workshop.mirror.exists()
    assert trash.overdue(workshop.narrows) == []


@pytest.mark.parametrize("written", [True, False])
def test_a_removal_that_was_broken_off_is_finished_or_taken_back(workshop: Workshop, written: bool) -> None:
    removed(workshop)
    row = whole(workshop)
    if written:
        with workshop.narrows.transaction() as db:
            mine = trash_queries.one(db, row.id)
            mine.remove()
            db.add(mine)
    workshop.mirror.rename(removals._going(workshop.mirror, row))
    cleaning._begin(workshop.narrows)
    assert workshop.mirror.exists() is not written
    assert not removals._going(workshop.mirror, row).exists()


def test_a_repository_that_is_gone_as_well_is_in_the_trash_before_its_mirror_goes(
    workshop: Workshop, tmp_path: Path
) -> None:
    landed = workshop.land(workshop.change({"landed.txt": "landed\n"}))
    projects.remove(workshop.narrows, workshop.project.id)
    shutil.rmtree(workshop.project.path)
    cleaning._begin(workshop.narrows)
    [last] = [row for row in rows(workshop) if row.kind is Kept.SIDE]
    assert (last.commit, last.why) == (landed.commit, "left on the branch main")
    restorals.restore(workshop.narrows, last.id, tmp_path / "back")
    assert (tmp_path / "back/landed.txt").read_text() == "landed\n"
    with pytest.raises(NarrowsError):
        restorals.restore(workshop.narrows, whole(workshop).id)
    emptied(workshop)
    assert not workshop.mirror.exists()


def test_one_that_an_earlier_version_removed_gets_its_time(workshop: Workshop) -> None:
    removed(workshop)
    with workshop.narrows.transaction() as db:
        db.delete(trash_queries.one(db, whole(workshop).id))
    assert rows(workshop) == []
    cleaning._begin(workshop.narrows)
    assert whole(workshop).at > now() - timedelta(minutes=10)


def test_its_changes_are_still_written_down(workshop: Workshop) -> None:
    landed = workshop.land(workshop.change({"landed.txt": "landed\n"}))
    removed(workshop)
    emptied(workshop)
    [revision] = revisions.of_change(workshop.narrows, landed.change_id)
    [file] = revisions.files(workshop.narrows, revision)
    assert b"+landed\n" in file.text
