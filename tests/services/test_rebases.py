"""A change brought onto its target as that is now, by Narrows itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.project import LandingMethod
from server.domain.review import Fit
from server.domain.states import ChangeState, CheckState
from server.git import commands, mirrors, trees
from server.services import (
    anchors,
    changes,
    checkouts,
    checks,
    clocks,
    comparisons,
    events,
    forecasts,
    landings,
    messages,
    rebases,
    reviews,
    revisions,
    viewed,
)
from server.services.narrows import Narrows
from server.services.rebases import Conflicting
from server.services.revisions import Unchanged
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

MINE = {"notes.txt": "one\nMINE\nthree\n"}
ABOVE = {"notes.txt": "zero\nhalf\none\ntwo\nthree\n"}


@pytest.fixture
def change(workshop: Workshop, repository: Repository) -> Change:
    """It edits a line, far enough below those that the target got since."""
    repository.commit("longer", {"notes.txt": "".join(f"{n}\n" for n in range(20))})
    made = workshop.change({"notes.txt": "".join(f"{n}\n" for n in range(15)) + "MINE\n", "mine.txt": "mine\n"})
    repository.commit("above", {"notes.txt": "above\n" + "".join(f"{n}\n" for n in range(20)), "theirs.txt": "t\n"})
    return made


def tree_of(narrows: Narrows, change: Change) -> Path:
    found = checkouts.find(narrows, changes.get(narrows, change.id))
    assert found is not None
    return found


def test_it_is_the_next_revision_on_the_target_as_it_is(
    narrows: Narrows, workshop: Workshop, change: Change, repository: Repository
) -> None:
    first = revisions.get(narrows, change.id, 1)
    made = rebases.bring_up(narrows, change.id, revision=1)
    assert (made.number, made.made_by, made.run_id, made.base) == (2, Actor.ENGINE, None, repository.head)
    assert [file.path for file in revisions.files(narrows, made)] == ["mine.txt", "notes.txt"]
    assert (made.additions, made.deletions) == (first.additions, first.deletions)
    assert mirrors.read_file(workshop.mirror, made.commit, "notes.txt") == (
        b"above\n" + b"".join(b"%d\n" % n for n in range(15)) + b"MINE\n"
    )
    assert mirrors.resolve(workshop.mirror, made.ref) == made.commit
    assert changes.get(narrows, change.id).state is ChangeState.IN_REVIEW
    told = [(event.actor, event.verb) for event in events.of_change(narrows, change.id)][-2:]
    assert told == [(Actor.ENGINE, "revised"), (Actor.YOU, "brought_up")]


def test_it_lands_with_the_agents_words_and_nothing_to_ask(
    narrows: Narrows, workshop: Workshop, change: Change, repository: Repository
) -> None:
    rebases.bring_up(narrows, change.id, revision=1)
    assert "I said it." in messages.proposed(narrows, change.id)
    landing = workshop.land(workshop.get(change))
    assert landing.acknowledged == []
    assert repository.show("main:mine.txt") == "mine\n"


def test_its_worktree_follows(narrows: Narrows, workshop: Workshop, change: Change, repository: Repository) -> None:
    """The agent's next turn starts there, its git compares with the target, and the next revision is based on it."""
    tree = tree_of(narrows, change)
    (tree / "unsaved.txt").write_text("unsaved\n")
    rebases.bring_up(narrows, change.id, revision=1)
    assert trees.head(workshop.mirror, tree) == repository.head
    assert (tree / "theirs.txt").read_text() == "t\n"
    assert not (tree / "unsaved.txt").exists()
    reviews.request_changes(narrows, change.id, revision=2, message="More.")
    [run] = workshop.admit()
    workshop.finish(run, {"more.txt": "more\n"})
    third = revisions.of_change(narrows, change.id)[-1]
    assert (third.number, third.base) == (3, repository.head)
    assert [file.path for file in revisions.files(narrows, third)] == ["mine.txt", "more.txt", "notes.txt"]


def test_a_worktree_that_a_crash_left_behind_catches_up(
    narrows: Narrows, workshop: Workshop, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(checkouts, "follow", lambda *_: None)
        rebases.bring_up(narrows, change.id, revision=1)
    made = revisions.of_change(narrows, change.id)
    checkouts.catch_up(narrows, changes.get(narrows, change.id), workshop.project, made)
    assert trees.head(workshop.mirror, tree_of(narrows, change)) == made[-1].base
    assert checkouts.edited(narrows, changes.get(narrows, change.id), workshop.project, made[-1]) == []


def test_since_you_looked_shows_nothing_of_what_the_target_brought(narrows: Narrows, change: Change) -> None:
    first = revisions.get(narrows, change.id, 1)
    clocks.tick(narrows, first.id, 30, first.created_at + timedelta(minutes=1))
    made = rebases.bring_up(narrows, change.id, revision=1)
    comparison = comparisons.opening(narrows, change, made)
    assert comparison.since == 1
    assert comparisons.outline(narrows, comparison) == []


def test_marks_stay_where_the_content_is_the_same(narrows: Narrows, change: Change) -> None:
    first = comparisons.of(narrows, change, revisions.get(narrows, change.id, 1))
    for position in (0, 1):
        viewed.mark(narrows, first, position)
    made = rebases.bring_up(narrows, change.id, revision=1)
    second = comparisons.of(narrows, change, made)
    marked = viewed.viewed(narrows, second)
    names = [row.path for row in comparisons.outline(narrows, second) if row.position in marked]
    assert names == ["mine.txt"], "notes.txt has other content around the change"


def test_comments_move_along(narrows: Narrows, change: Change) -> None:
    reviews.comment(narrows, change.id, revision=1, path="notes.txt", line=16, body="Why?")
    rebases.bring_up(narrows, change.id, revision=1)
    [placed] = anchors.placed(narrows, change.id, 2)
    assert (placed.path, placed.line, placed.fit) == ("notes.txt", 17, Fit.SHIFTED)


def test_a_verdict_on_the_old_revision_is_void(narrows: Narrows, change: Change) -> None:
    rebases.bring_up(narrows, change.id, revision=1)
    with pytest.raises(WrongState, match="You read revision 1; the newest is 2"):
        landings.land(narrows, change.id, revision=1)
    with pytest.raises(WrongState, match="You read revision 1"):
        rebases.bring_up(narrows, change.id, revision=1)


def test_its_checks_run_anew_for_a_tree_that_was_not_checked(narrows: Narrows, change: Change) -> None:
    made = rebases.bring_up(narrows, change.id, revision=1)
    assert [each.id for each in checks.unjudged(narrows)] == [made.id]


def test_why_the_one_before_did_not_land_is_said_no_longer(narrows: Narrows, change: Change) -> None:
    landing = landings.land(narrows, change.id, revision=1)
    [claimed] = landings.claim(narrows, "local")
    landings.fail(narrows, claimed.id, "It is not quite what you read.")
    assert landing.id == claimed.id
    assert changes.get(narrows, change.id).note == "It is not quite what you read."
    rebases.bring_up(narrows, change.id, revision=1)
    assert changes.get(narrows, change.id).note == ""


def test_where_it_conflicts_nothing_is_made(narrows: Narrows, workshop: Workshop, repository: Repository) -> None:
    change = workshop.change(MINE)
    repository.commit("theirs", {"notes.txt": "one\nTHEIRS\nthree\n"})
    with pytest.raises(Conflicting, match="does not merge with main as it is now") as refused:
        rebases.bring_up(narrows, change.id, revision=1)
    assert refused.value.files == ["notes.txt"]
    assert len(revisions.of_change(narrows, change.id)) == 1


def test_what_is_up_to_date_or_landed_by_others_is_said(
    narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    change = workshop.change(MINE)
    with pytest.raises(Unchanged, match="It is on main as it is now"):
        rebases.bring_up(narrows, change.id, revision=1)
    repository.commit("the same", MINE)
    with pytest.raises(Unchanged, match="nothing of the change is left"):
        rebases.bring_up(narrows, change.id, revision=1)


def test_a_report_stays_as_it_is(narrows: Narrows, workshop: Workshop, repository: Repository) -> None:
    task = workshop.file(kind="research")
    [run] = workshop.admit()
    workshop.finish(run, {}, report="It is so.")
    repository.commit("theirs", MINE)
    with pytest.raises(WrongState, match="A report is not brought up to date"):
        rebases.bring_up(narrows, run.change_id, revision=1)
    assert task.id == run.task_id


def test_how_it_stands_is_said_as_far_as_it_is_foreseen(
    narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    change, other = workshop.change(MINE), workshop.change({"other.txt": "other\n"})

    def told() -> list[tuple[int, list[str]]]:
        seen = forecasts.outlooks(narrows, workshop.project.id)
        return [(rebases.moved(narrows, seen[each.id]), seen[each.id].conflicts) for each in (change, other)]

    assert told() == [(0, []), (0, [])]
    forecasts.advance(narrows, workshop.project.id)
    assert told() == [(0, []), (0, [])], "the target has not moved"
    repository.commit("one", {"README.md": "# One\n"})
    repository.commit("two", {"notes.txt": "one\nTHEIRS\nthree\n"})
    while forecasts.advance(narrows, workshop.project.id):
        pass
    assert told() == [(2, ["notes.txt"]), (2, [])]
    before = commands.started()
    told()
    assert commands.started() == before, "a page asks git for nothing that it was told already"


class TestIntoTheWorktree:
    """Before an agent's turn: what merges is merged, what does not stands between markers, and HEAD is there."""

    @pytest.fixture
    def change(self, workshop: Workshop, repository: Repository) -> Change:
        made = workshop.change({**MINE, "mine.txt": "mine\n"})
        repository.commit("theirs", {"notes.txt": "one\nTHEIRS\nthree\n", "theirs.txt": "theirs\n"})
        mirrors.fetch(repository.path, workshop.mirror, "main")
        return made

    def bring(self, narrows: Narrows, workshop: Workshop, change: Change, onto: str) -> list[str]:
        newest = revisions.of_change(narrows, change.id)[-1]
        return rebases.into_worktree(narrows, workshop.get(change), workshop.project, newest, onto)

    def test_both_sides_stand_there(
        self, narrows: Narrows, workshop: Workshop, change: Change, repository: Repository
    ) -> None:
        assert self.bring(narrows, workshop, change, repository.head) == ["notes.txt"]
        tree = tree_of(narrows, change)
        assert trees.head(workshop.mirror, tree) == repository.head
        assert (tree / "theirs.txt").read_text() == "theirs\n"
        assert (tree / "mine.txt").read_text() == "mine\n"
        kinds = [
            line[:7] if line[:7] in ("<<<<<<<", "|||||||", "=======", ">>>>>>>") else line
            for line in (tree / "notes.txt").read_text().splitlines()
        ]
        assert kinds == ["one", "<<<<<<<", "THEIRS", "|||||||", "two", "=======", "MINE", ">>>>>>>", "three"]

    def test_the_next_revision_is_compared_with_it(
        self, narrows: Narrows, workshop: Workshop, change: Change, repository: Repository
    ) -> None:
        reviews.request_changes(narrows, change.id, revision=1, message="Merge.", onto_target=True)
        [run] = workshop.admit()
        self.bring(narrows, workshop, change, run.onto)
        workshop.finish(run, {"notes.txt": "one\nBOTH\nthree\n"})
        made = revisions.of_change(narrows, change.id)[-1]
        assert made.base == repository.head
        assert [file.path for file in revisions.files(narrows, made)] == ["mine.txt", "notes.txt"]
        workshop.land(workshop.get(change))
        assert repository.show("main:notes.txt") == "one\nBOTH\nthree\n"

    def test_once_is_enough(self, narrows: Narrows, workshop: Workshop, change: Change, repository: Repository) -> None:
        self.bring(narrows, workshop, change, repository.head)
        tree = tree_of(narrows, change)
        (tree / "notes.txt").write_text("one\nBOTH\nthree\n")
        assert self.bring(narrows, workshop, change, repository.head) == ["notes.txt"]
        assert (tree / "notes.txt").read_text() == "one\nBOTH\nthree\n"

    def test_a_death_in_the_middle_merges_nothing_twice(
        self,
        narrows: Narrows,
        workshop: Workshop,
        change: Change,
        repository: Repository,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("server.git.heads.move", die)
            with pytest.raises(KeyboardInterrupt):
                self.bring(narrows, workshop, change, repository.head)
        assert self.bring(narrows, workshop, change, repository.head) == ["notes.txt"]
        tree = tree_of(narrows, change)
        assert trees.head(workshop.mirror, tree) == repository.head
        assert (tree / "notes.txt").read_text().count("<<<<<<<") == 1

    def test_what_its_agent_planted_is_not_written_through(
        self, narrows: Narrows, workshop: Workshop, change: Change, repository: Repository, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.write_text("mine\n")
        tree = tree_of(narrows, change)
        own = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
        for name in ("index", "HEAD", "MERGE_HEAD"):
            (own / name).unlink(missing_ok=True)
            (own / name).symlink_to(outside)
        self.bring(narrows, workshop, change, repository.head)
        assert outside.read_text() == "mine\n"
        assert trees.head(workshop.mirror, tree) == repository.head


def test_a_tree_that_was_checked_is_not_checked_again(
    narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    """The target moved, and has the same files as before."""
    change = workshop.change(MINE)
    repository.commit("nothing in it")
    made = rebases.bring_up(narrows, change.id, revision=1)
    assert made.tree == revisions.get(narrows, change.id, 1).tree
    assert [check.state for check in checks.of_revision(narrows, made.id)] == [CheckState.PASSED]
    assert checks.unjudged(narrows) == []


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_it_lands_in_every_way(
    narrows: Narrows, workshop: Workshop, change: Change, repository: Repository, method: str
) -> None:
    rebases.bring_up(narrows, change.id, revision=1)
    before = repository.head
    workshop.land(workshop.get(change), method=LandingMethod(method))
    assert repository.show("main:mine.txt") == "mine\n"
    assert repository.show("main:theirs.txt") == "t\n"
    assert repository.git("diff", "--name-only", before, "main").splitlines() == ["mine.txt", "notes.txt"]
    assert len(repository.log(f"{before}..main")) == (2 if method == "merge" else 1)
