"""What is put away, how it comes back, and what goes for good."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from server.domain.base import now
from server.domain.change import Change
from server.domain.errors import NarrowsError, WrongState
from server.domain.event import Actor
from server.domain.states import ChangeState, RunState, TaskState
from server.domain.trash import Kept, Trash
from server.engine import cleaning as engine_cleaning
from server.git import mirrors
from server.git.commands import run as git
from server.services import (
    changes,
    checkouts,
    cleaning,
    edits,
    events,
    projects,
    restorals,
    revisions,
    runs,
    tasks,
    trash,
)
from server.services.narrows import Narrows
from server.store import trash_queries
from tests.services.workshop import Workshop
from tests.support import invariants

IGNORING = {".gitignore": "*.log\nbuild/\nnode_modules/\n.env\n"}


def rows(narrows: Narrows) -> list[Trash]:
    return [item.row for item in trash.every(narrows)]


def tidied(workshop: Workshop) -> list[Trash]:
    """The trash after cleaning, as the engine does it at its start."""
    trash.take_in(workshop.narrows, workshop.project)
    trash.gather(workshop.narrows, workshop.project)
    cleaning.tidy(workshop.narrows, workshop.project)
    trash.weigh(workshop.narrows, workshop.project.id)
    return rows(workshop.narrows)


def tree_of(workshop: Workshop, change: Change) -> Path:
    assert change.slot is not None
    return workshop.narrows.tree(workshop.project.id, change.slot)


def older(narrows: Narrows, row: Trash, days: float) -> None:
    with narrows.transaction() as db:
        mine = trash_queries.one(db, row.id)
        mine.at = now() - timedelta(days=days)
        db.add(mine)


def limited(narrows: Narrows, **limits: int) -> Narrows:
    return replace(narrows, settings=replace(narrows.settings, **limits))  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_an_abandoned_change_is_there_at_once_and_comes_back_to_the_desk(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    changes.abandon(narrows, change.id)
    [row] = rows(narrows)
    assert (row.kind, row.change_id, row.why) == (Kept.CHANGE, change.id, "abandoned")
    [row] = tidied(workshop)
    assert row.size > 0
    back = restorals.restore(narrows, row.id)
    assert back.change is not None
    assert back.change.state is ChangeState.IN_REVIEW
    assert rows(narrows) == []

    changes.abandon(narrows, change.id)
    [again] = rows(narrows)
    assert again.id == row.id, "a change is there once"
    changes.restore(narrows, change.id)
    assert rows(narrows) == [], "its own page restores it as well"


def test_what_stands_in_no_revision_is_kept_to_the_byte_ignored_files_too(workshop: Workshop, tmp_path: Path) -> None:
    change = workshop.change({**IGNORING, "said.txt": "said\n"})
    tree = tree_of(workshop, change)
    written = {
        "said.txt": b"changed\n",
        "untracked.bin": bytes(range(256)),
        "notes.log": b"ignored\n",
        "build/out/a.o": b"\0\1",
    }
    made_again = {"node_modules/left/index.js": b"x"}
    for name, content in (written | made_again).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    changes.abandon(workshop.narrows, change.id)
    kept = next(row for row in tidied(workshop) if row.kind is Kept.TREE)
    assert kept.left_out == ["node_modules/"]
    assert kept.why == "left in the worktree of a change that is abandoned"

    to = tmp_path / "restored"
    assert restorals.restore(workshop.narrows, kept.id, to).folder == to
    assert {name: content for name, content in files(to).items() if name in written} == written
    assert not (to / "node_modules").exists()
    with pytest.raises(NarrowsError, match="is not empty"):
        restorals.restore(workshop.narrows, kept.id, to)
    assert len(tidied(workshop)) == 2, "what is kept is kept once"


def test_what_stood_in_a_worktree_is_the_next_revision_of_its_change(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    tree = tree_of(workshop, change)
    (tree / "said.txt").write_text("dear to me\n")
    edits.edit(narrows, change.id, revision=1, path="said.txt", text="on the page\n")
    [row] = rows(narrows)
    assert row.why == "stood in its worktree beside revision 1"

    back = restorals.restore(narrows, row.id)
    assert back.change is not None
    made = revisions.of_change(narrows, change.id)
    assert (made[-1].number, made[-1].made_by) == (3, Actor.YOU)
    assert revisions.whole_file(narrows, made[-1], "said.txt", old=False) == b"dear to me\n"
    assert (tree / "said.txt").read_text() == "dear to me\n"
    assert rows(narrows) == []


def test_a_tree_comes_back_as_it_would_be_on_the_newest_base(workshop: Workshop) -> None:
    """What only the target brought since is not taken back by a tree that is older."""
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    (tree_of(workshop, change) / "more.txt").write_text("more\n")
    edits.edit(narrows, change.id, revision=1, path="said.txt", text="on the page\n")
    [row] = rows(narrows)
    workshop.land(workshop.change({"other.txt": "other\n"}))
    target = mirrors.fetch(Path(workshop.project.path), workshop.mirror, "main")
    with narrows.transaction() as db:
        newest = db.merge(revisions.of_change(narrows, change.id)[-1])
        newest.base = target
        newest.base_tree = git(workshop.mirror, "rev-parse", f"{target}^{{tree}}").text
    restorals.restore(narrows, row.id)
    made = revisions.of_change(narrows, change.id)[-1]
    assert {file.path for file in revisions.outline(narrows, made)} == {"said.txt", "more.txt"}


def test_a_tree_of_a_change_that_is_elsewhere_says_what_to_do(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    (tree_of(workshop, change) / "more.txt").write_text("more\n")
    changes.abandon(narrows, change.id)
    kept = next(row for row in tidied(workshop) if row.kind is Kept.TREE)
    with pytest.raises(WrongState) as refused:
        restorals.restore(narrows, kept.id)
    assert str(refused.value) == (
        f"Change {change.id} is abandoned, so it can't get another revision now. Restore the change first, "
        f"or write it to a folder: narrows trash restore {kept.id} --to FOLDER."
    )
    changes.restore(narrows, change.id)
    assert restorals.restore(narrows, kept.id).change is not None


def test_a_patch_gives_the_files_back(workshop: Workshop, tmp_path: Path) -> None:
    change = workshop.change({"said.txt": "said\n"})
    (tree_of(workshop, change) / "more.bin").write_bytes(bytes(range(256)))
    changes.abandon(workshop.narrows, change.id)
    for row in tidied(workshop):
        checkout = tmp_path / str(row.id)
        subprocess.run(["git", "clone", "-q", workshop.project.path, checkout], check=True)
        patch = restorals.patch(workshop.narrows, row.id)
        subprocess.run(["git", "apply", "-"], input=patch, cwd=checkout, check=True)
        assert (checkout / "said.txt").read_bytes() == b"said\n"
        assert (checkout / "more.bin").exists() == (row.kind is Kept.TREE)


def test_what_landed_leaves_nothing_unless_it_was_work(workshop: Workshop) -> None:
    ignored = workshop.change({**IGNORING, "said.txt": "said\n"})
    (tree_of(workshop, ignored) / "notes.log").write_text("ignored\n")
    worked = workshop.change({"more.txt": "said\n"})
    (tree_of(workshop, worked) / "later.txt").write_text("an idea\n")
    for change in (ignored, worked):
        workshop.land(change)
    [kept] = tidied(workshop)
    assert (kept.change_id, kept.why) == (worked.id, "left in the worktree of a change that is landed")


def test_cleaning_fails_closed_and_says_so(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.txt": "said\n"})
    tree = tree_of(workshop, change)
    (tree / "more.txt").write_text("more\n")
    changes.abandon(narrows, change.id)
    private = next((workshop.mirror / "narrows").glob(f"{tree.name}-*")) / "commit"
    commit = private.read_text()
    private.unlink()

    [row] = tidied(workshop)
    assert row.kind is Kept.CHANGE
    assert (tree / "more.txt").read_text() == "more\n"
    [unsaved] = cleaning.unsaved(narrows)
    assert unsaved.tree == tree
    assert "is not a worktree of Narrows" in unsaved.why

    private.write_text(commit)
    assert {row.kind for row in tidied(workshop)} == {Kept.CHANGE, Kept.TREE}
    assert cleaning.unsaved(narrows) == []


def test_free_worktrees_that_nobody_needs_go_once_they_are_saved(workshop: Workshop) -> None:
    made = [workshop.change({f"{name}.txt": "said\n"}) for name in "abc"]
    trees = [tree_of(workshop, change) for change in made]
    (trees[2] / "more.txt").write_text("more\n")
    for change in made:
        changes.abandon(workshop.narrows, change.id)
    workshop.project.agents_limit = 2
    tidied(workshop)
    assert [tree.exists() for tree in trees] == [True, True, False]
    assert [row.change_id for row in rows(workshop.narrows) if row.kind is Kept.TREE] == [made[2].id]


def test_a_worktree_that_names_nobody_goes_with_all_in_it_kept(workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "said\n"})
    tree = tree_of(workshop, change)
    (tree / "half.txt").write_text("half\n")
    checkouts.forget(tree)
    changes.abandon(workshop.narrows, change.id)
    projects.remove(workshop.narrows, workshop.project.id)
    cleaning.tidy(workshop.narrows, projects.get(workshop.narrows, workshop.project.id))
    assert not tree.exists()
    kept = next(row for row in rows(workshop.narrows) if row.kind is Kept.TREE)
    assert mirrors.read_file(workshop.mirror, kept.ref, "half.txt") == b"half\n"


def test_a_worktree_in_use_is_left_alone(workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "said\n"})
    tree = tree_of(workshop, change)
    (tree / "more.txt").write_text("more\n")
    tidied(workshop)
    changes.abandon(workshop.narrows, change.id)
    with checkouts.alone(tree):
        assert [row.kind for row in tidied(workshop)] == [Kept.CHANGE]


def test_what_was_there_for_long_enough_goes_oldest_first(workshop: Workshop) -> None:
    narrows = workshop.narrows
    for name in "abc":
        changes.abandon(narrows, workshop.change({f"{name}.txt": "said\n"}).id)
    c, b, a = tidied(workshop)
    older(narrows, a, 31)
    older(narrows, b, 2)
    assert [row.id for row, _ in trash.overdue(narrows)] == [a.id]
    assert trash.overdue(limited(narrows, trash_days=0)) == []
    with narrows.transaction() as db:
        for row in (a, b, c):
            mine = trash_queries.one(db, row.id)
            mine.size = 2_000_000
            db.add(mine)
    full = limited(narrows, trash_days=0, trash_mb=1)
    assert [row.id for row, _ in trash.overdue(full)] == [a.id, b.id], "what is younger than a day stays"
    assert [row.id for row, _ in trash.overdue(limited(narrows, trash_days=0, trash_mb=5))] == [a.id]


def test_what_goes_is_said_and_git_gives_the_room_back(workshop: Workshop, tmp_path: Path) -> None:
    narrows, mirror = workshop.narrows, workshop.mirror
    gone = workshop.change({"gone.txt": "gone\n"})
    kept = workshop.change({"kept.txt": "kept\n"})
    (tree_of(workshop, gone) / "also.log").write_text("gone too\n")
    changes.abandon(narrows, gone.id)
    commits = [row.commit for row in tidied(workshop)]
    for row in rows(narrows):
        older(narrows, row, 31)
    engine_cleaning.throw_away(narrows)
    assert rows(narrows) == []
    said = [event for event in events.since(narrows, 0) if (event.noun, event.verb) == ("trash", "removed")]
    assert {event.data["why"] for event in said} == {"It was there for 30 days."}
    with pytest.raises(WrongState, match="was removed from the trash"):
        changes.restore(narrows, gone.id)

    assert trash.emptied(narrows) == [workshop.project]
    assert trash.prune(narrows, workshop.project)
    assert all(mirrors.resolve(mirror, commit) for commit in commits), "what is younger than a day stays"
    assert trash.prune(narrows, workshop.project, older=timedelta())
    assert [mirrors.resolve(mirror, commit) for commit in commits] == [None] * len(commits)
    git(mirror, "fsck", "--full", "--strict")
    held = revisions.of_change(narrows, kept.id)[0]
    assert revisions.whole_file(narrows, held, "kept.txt", old=False) == b"kept\n"
    invariants.check(narrows)


def test_nothing_is_dropped_while_an_agent_works_or_where_something_is_missing(workshop: Workshop) -> None:
    narrows, mirror = workshop.narrows, workshop.mirror
    change = workshop.change({"said.txt": "said\n"})
    revision = revisions.of_change(narrows, change.id)[0]
    git(mirror, "update-ref", "-d", revision.ref)  # as an agent may have done
    assert trash.prune(narrows, workshop.project, older=timedelta())
    assert mirrors.resolve(mirror, revision.ref) == revision.commit, "what is wanted is held again"

    (mirror / "shallow").write_text(f"{revision.commit}\n")
    with pytest.raises(NarrowsError, match="was cut short"):
        trash.prune(narrows, workshop.project, older=timedelta())
    (mirror / "shallow").unlink()
    workshop.file()
    [run] = workshop.admit()
    assert not trash.prune(narrows, workshop.project, older=timedelta())
    runs.end(narrows, run.id, run.executor or "", runs.Ending(RunState.FAILED))
    assert trash.prune(narrows, workshop.project, older=timedelta())


def test_what_a_removed_project_had_is_there_and_so_is_the_project_once_it_is_registered_again(
    workshop: Workshop,
) -> None:
    narrows, project = workshop.narrows, workshop.project
    change = workshop.change({"said.txt": "said\n"})
    tree = tree_of(workshop, change)
    (tree / "more.txt").write_text("more\n")
    waiting = workshop.file("Later")
    gone = projects.remove(narrows, project.id)
    assert projects.every(narrows) == []
    assert workshop.admit() == []
    cleaning.tidy(narrows, gone)
    assert {row.kind for row in rows(narrows)} == {Kept.CHANGE, Kept.TREE, Kept.PROJECT}
    assert not tree.exists(), "nobody needs its worktrees"
    with pytest.raises(WrongState, match="was removed"):
        changes.restore(narrows, change.id)

    assert projects.register(narrows, project.path).id == project.id
    assert changes.restore(narrows, change.id).state is ChangeState.IN_REVIEW
    kept = next(row for row in rows(narrows) if row.kind is Kept.TREE)
    assert restorals.restore(narrows, kept.id).change is not None
    assert tasks.get(narrows, waiting.id).state is TaskState.DROPPED


def test_a_branch_of_an_agent_that_stands_in_the_way_is_kept(workshop: Workshop) -> None:
    revision = revisions.of_change(workshop.narrows, workshop.change({"said.txt": "said\n"}).id)[0]
    git(workshop.mirror, "update-ref", "-d", "refs/heads/main")
    git(workshop.mirror, "update-ref", "refs/heads/main/mine", revision.commit)
    assert mirrors.fetch(Path(workshop.project.path), workshop.mirror, "main") == revision.base
    [row] = tidied(workshop)
    assert (row.kind, row.commit, row.why) == (Kept.SIDE, revision.commit, trash.BRANCH)


def test_refs_of_an_earlier_version_get_rows(workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "said\n"})
    revision = revisions.of_change(workshop.narrows, change.id)[0]
    names = [f"by-hand-{change.id}-1-0123abcd", "7-2", f"{change.id}-0123456789ab"]
    for name in names:
        mirrors.hold(workshop.mirror, f"refs/narrows/trash/trees/{name}", revision.commit)
    assert {(row.ref.rpartition("/")[2], row.change_id) for row in tidied(workshop)} == {
        (names[0], change.id),
        (names[1], None),
        (names[2], change.id),
    }
    assert len(tidied(workshop)) == 3
