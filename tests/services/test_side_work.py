"""What agents committed on the side is in the trash as all else that they left: listed, counted, had back, and gone."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from server.domain.base import now
from server.domain.change import Change
from server.domain.run import Run
from server.domain.trash import Kept, Trash
from server.engine import cleaning
from server.git import mirrors
from server.services import changes, restorals, revisions, trash
from server.store import trash_queries
from tests.services.workshop import Workshop
from tests.support import invariants

WHO = {f"GIT_{who}_{what}": "agent@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(tree: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=tree, env=os.environ | WHO, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def at_work(workshop: Workshop) -> Run:
    workshop.file()
    [run] = workshop.admit()
    return run


def aside(workshop: Workshop, run: Run, name: str) -> str:
    """The run's agent commits on a branch of its own, and goes back to where it was."""
    tree = workshop.tree(run)
    was = git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "-q", "-b", name)
    workshop.write(run, {f"{name}.txt": f"{name}\n"})
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", name)
    commit = git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "-q", "--detach", was)
    return commit


def stashed(workshop: Workshop, run: Run) -> None:
    workshop.write(run, {"notes.txt": "stashed\n", "untracked.txt": "untracked\n"})
    git(workshop.tree(run), "stash", "--include-untracked")


def rows(workshop: Workshop) -> list[Trash]:
    return [item.row for item in trash.every(workshop.narrows) if item.row.kind is Kept.SIDE]


def given_up(workshop: Workshop, run: Run) -> Change:
    workshop.finish(run, {"said.txt": "said\n"})
    return changes.abandon(workshop.narrows, run.change_id)


def test_it_is_put_away_once_its_agent_is_done_and_comes_back(workshop: Workshop, tmp_path: Path) -> None:
    narrows, run = workshop.narrows, at_work(workshop)
    aside(workshop, run, "side")
    stashed(workshop, run)
    assert trash.gather(narrows, workshop.project) == [], "its agent may be at it"
    given_up(workshop, run)
    cleaning._begin(narrows)
    found = {row.why: row for row in rows(workshop)}
    assert set(found) == {"left on the branch side", "left in a stash"}
    assert {row.change_id for row in found.values()} == {run.change_id}
    assert all(row.size > 0 for row in found.values())
    cleaning._begin(narrows)
    assert len(rows(workshop)) == 2, "once"

    restorals.restore(narrows, found["left in a stash"].id, tmp_path / "stash")
    assert (tmp_path / "stash/notes.txt").read_text() == "stashed\n"
    assert (tmp_path / "stash/untracked.txt").read_text() == "untracked\n"
    assert b"+side\n" in restorals.patch(narrows, found["left on the branch side"].id)
    changes.restore(narrows, run.change_id)
    assert restorals.restore(narrows, found["left on the branch side"].id).change is not None
    newest = revisions.of_change(narrows, run.change_id)[-1]
    assert revisions.whole_file(narrows, newest, "side.txt", old=False) == b"side\n"
    assert newest.summary == "Restored from the trash. It was left on the branch side."


def test_it_is_of_no_change_where_several_may_have_made_it(workshop: Workshop) -> None:
    one, two = at_work(workshop), at_work(workshop)
    aside(workshop, one, "side")
    given_up(workshop, one)
    assert trash.gather(workshop.narrows, workshop.project) == [], "the other may be at it"
    given_up(workshop, two)
    [row] = trash.gather(workshop.narrows, workshop.project)
    assert row.change_id is None


def test_once_its_time_is_over_it_goes_with_the_agents_own_refs(workshop: Workshop) -> None:
    narrows, mirror, run = workshop.narrows, workshop.mirror, at_work(workshop)
    commit = aside(workshop, run, "side")
    stashed(workshop, run)
    given_up(workshop, run)
    for row in trash.gather(narrows, workshop.project):
        with narrows.transaction() as db:
            mine = trash_queries.one(db, row.id)
            mine.at = now() - timedelta(days=31)
            db.add(mine)
    cleaning.throw_away(narrows)
    assert rows(workshop) == []
    assert trash.gather(narrows, workshop.project) == [], "nothing of it is left"
    assert mirrors.resolve(mirror, "refs/heads/side") is None
    assert trash.prune(narrows, workshop.project, older=timedelta())
    assert mirrors.resolve(mirror, commit) is None
    invariants.check(narrows)


def test_what_it_committed_on_the_targets_copy_is_kept_as_well(workshop: Workshop) -> None:
    run = at_work(workshop)
    tree = workshop.tree(run)
    was = git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "-q", "main")
    git(tree, "commit", "-q", "--allow-empty", "-m", "mine")
    commit = git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "-q", "--detach", was)
    given_up(workshop, run)
    assert mirrors.fetch(Path(workshop.project.path), workshop.mirror, "main") == was
    cleaning._begin(workshop.narrows)
    assert [(row.commit, row.why) for row in rows(workshop)] == [(commit, trash.BRANCH)]


def test_what_is_too_much_for_one_look_stays_where_it_is_until_the_next(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = at_work(workshop)
    for name in "abc":
        aside(workshop, run, name)
    given_up(workshop, run)
    monkeypatch.setattr(trash, "MOST_AT_ONCE", 2)
    assert len(trash.gather(workshop.narrows, workshop.project)) == 2
    assert len(trash.gather(workshop.narrows, workshop.project)) == 1
    assert trash.gather(workshop.narrows, workshop.project) == []


def test_a_repository_that_is_gone_keeps_nothing_else_from_being_cleaned(workshop: Workshop, tmp_path: Path) -> None:
    run = at_work(workshop)
    aside(workshop, run, "side")
    given_up(workshop, run)
    Path(workshop.project.path).rename(tmp_path / "moved")
    cleaning._begin(workshop.narrows)
    assert rows(workshop) == [], "nobody can tell whose it is"
    [row] = [item.row for item in trash.every(workshop.narrows)]
    assert row.size > 0
    (tmp_path / "moved").rename(workshop.project.path)
    cleaning._begin(workshop.narrows)
    assert len(rows(workshop)) == 1
