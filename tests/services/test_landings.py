"""Landing, step by step: assessed, built, proven, moved by compare-and-swap, and taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.domain.errors import NarrowsError, NotFound, WrongState
from server.domain.landing import Landing
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import merges, mirrors
from server.services import assessments, checks, landings, projects, reviews, revisions, undos
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


def codes(refused: pytest.ExceptionInfo[assessments.Objected]) -> tuple[list[str], list[str]]:
    found = refused.value.assessment
    return [each.code for each in found.blockers], [each.code for each in found.warnings]


def failed(narrows: Narrows, act: Callable[[], object], landing: Landing) -> str:
    """What the engine does with a refusal."""
    with pytest.raises(NarrowsError) as refused:
        act()
    landings.fail(narrows, landing.id, str(refused.value))
    return str(refused.value)


# Assessed


def test_a_red_check_blocks_a_landing(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, check_rounds=0)
    workshop.file()
    [run] = workshop.admit()
    change = workshop.finish(run, EDITED, red=["make test"])
    with pytest.raises(assessments.Objected, match="The check `make test` is red") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == (["red"], [])
    assert workshop.get(change).state is ChangeState.IN_REVIEW


def test_warnings_must_be_acknowledged_each_by_its_hash(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"large.txt": "line\n" * (assessments.LARGE + 1)})
    reviews.comment(narrows, change.id, revision=1, body="Perhaps?")
    with pytest.raises(assessments.Objected) as refused:
        landings.land(narrows, change.id, revision=1)
    assert codes(refused) == ([], ["drafts", "large"])
    assert refused.value.message == "One of your comments was not sent to the agent."
    assert refused.value.hint == "Acknowledge it to land all the same."
    drafts, large = (each.hash for each in refused.value.assessment.warnings)

    with pytest.raises(assessments.Objected):
        landings.land(narrows, change.id, revision=1, acknowledge=[drafts, "f" * 16])
    reviews.comment(narrows, change.id, revision=1, body="One more.")
    with pytest.raises(assessments.Objected, match="2 of your comments"):
        landings.land(narrows, change.id, revision=1, acknowledge=[drafts, large])

    hashes = [each.hash for each in assessments.assess(narrows, change.id).warnings]
    landing = landings.land(narrows, change.id, revision=1, acknowledge=[*hashes, *hashes])
    assert landing.acknowledged == sorted(hashes)


def test_a_change_without_a_revision_has_nothing_to_land(workshop: Workshop) -> None:
    workshop.file()
    [run] = workshop.admit()
    assert [each.code for each in assessments.assess(workshop.narrows, run.change_id).blockers] == ["nothing"]
    assert landings.conflict_prompt(workshop.narrows, run.change_id) == ""


def test_a_conflict_is_said_at_once_with_its_files(workshop: Workshop, repository: Repository) -> None:
    change = workshop.change(EDITED)
    assert landings.conflict_prompt(workshop.narrows, change.id) == ""
    there = repository.commit("meanwhile", {"notes.txt": "one\n2\nthree\n"})
    with pytest.raises(assessments.Objected) as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == (["conflict"], [])
    assert refused.value.message == "It no longer merges with main: notes.txt."
    assert workshop.get(change).state is ChangeState.IN_REVIEW
    prompt = landings.conflict_prompt(workshop.narrows, change.id)
    assert "- `notes.txt`" in prompt
    assert f"git merge {there}" in prompt


def test_a_landing_that_is_not_quite_what_was_read_is_asked_about(workshop: Workshop, repository: Repository) -> None:
    """Half of the change landed already by other hands, so what would land now is less than what was read."""
    change = workshop.change({"notes.txt": "ONE\ntwo\nthree\n", "said.txt": "said\n"})
    repository.commit("the same thing first", {"said.txt": "said\n"})
    with pytest.raises(assessments.Objected, match="not quite what you read") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == ([], ["scope"])
    assert "read but not landing: said.txt" in refused.value.message
    [scope] = refused.value.assessment.warnings
    landing = workshop.land(change, acknowledge=[scope.hash])
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is False


def test_what_lands_on_a_target_that_moved_elsewhere_is_still_what_was_read(
    workshop: Workshop, repository: Repository
) -> None:
    change = workshop.change({"said.txt": "said\n"})
    repository.commit("elsewhere", {"other.txt": "other\n"})
    landing = workshop.land(change)
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is True


# Moved


def test_what_was_read_is_what_was_tested_is_what_landed(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    before = repository.head
    landing = workshop.land(change, message="Shout\n\nAs asked.")
    revision = revisions.get(narrows, change.id, 1)
    assert (landing.state, landing.commit) == (LandingState.LANDED, repository.head)
    assert landing.receipt == {
        "read": {
            "revision": 1,
            "commit": revision.commit,
            "diff_sha256": hashlib.sha256(revisions.patch(narrows, revision)).hexdigest(),
        },
        "tested": {"tree": repository.resolve("main^{tree}"), "checks": ["make test"]},
        "landed": {
            "branch": "main",
            "from": before,
            "to": repository.head,
            "tree": repository.resolve("main^{tree}"),
            "as_read": True,
        },
    }
    assert repository.git("log", "-1", "--format=%B").strip() == "Shout\n\nAs asked."
    change = workshop.get(change)
    assert (change.state, change.slot) == (ChangeState.LANDED, None)
    assert workshop.task_of(change).state is TaskState.DONE


def test_the_message_is_the_tasks_title_and_the_agents_words_unless_edited(workshop: Workshop) -> None:
    change = workshop.change(EDITED, title="Shout")
    assert landings.default_message(workshop.narrows, change.id) == "Shout\n\nI said it.\n"
    assert landings.land(workshop.narrows, change.id, revision=1, message=" \n").message == "Shout\n\nI said it.\n"


def test_the_users_other_edits_stay_as_they_are(workshop: Workshop, repository: Repository) -> None:
    change = workshop.change(EDITED)
    repository.write("README.md", "# Mine, not committed\n")
    repository.write("untracked.txt", "mine\n")
    workshop.land(change)
    assert repository.status() == [" M README.md", "?? untracked.txt"]
    assert (repository.path / "README.md").read_text() == "# Mine, not committed\n"


def test_files_in_the_way_are_named_and_nothing_is_touched(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change({**EDITED, "said.txt": "said\n"})
    repository.write("notes.txt", "mine\n")
    repository.write("said.txt", "mine, too\n")
    before = repository.head
    landing = landings.land(narrows, change.id, revision=1)
    landings.claim(narrows, "local")
    why = failed(narrows, lambda: landings.move(narrows, landing.id), landing)
    assert "notes.txt" in why
    assert "said.txt" in why
    assert (repository.head, repository.status()) == (before, [" M notes.txt", "?? said.txt"])
    landing = landings.get(narrows, landing.id)
    change = workshop.get(change)
    assert (landing.state, landing.error) == (LandingState.FAILED, why)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, why)
    landings.fail(narrows, landing.id, "again")
    assert landings.get(narrows, landing.id).error == why


def test_a_lost_race_is_built_anew_on_what_came_first(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    landing = landings.land(narrows, change.id, revision=1)
    landings.claim(narrows, "local")
    first = repository.commit("meanwhile", {"other.txt": "other\n"})
    assert not landings.move(narrows, landing.id)
    rebuilt = landings.rebuild(narrows, landing.id)
    assert (rebuilt.old, rebuilt.tries) == (first, 2)
    assert rebuilt.tree is not None
    assert not checks.passed(narrows, workshop.project, rebuilt.tree), "it is another tree, to be proven again"
    workshop.prove(rebuilt)
    assert landings.move(narrows, landing.id)
    assert repository.log() == ["Say it", "meanwhile", "first"]


def test_a_race_lost_too_often_is_given_up(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    landings.claim(narrows, "local")
    for n in range(landings.MOST_TRIES - 1):
        repository.commit(f"meanwhile {n}")
        landings.rebuild(narrows, landing.id)
    assert "moved 5 times meanwhile" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


def test_a_race_lost_to_a_conflict_comes_back_with_it(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    landings.claim(narrows, "local")
    repository.commit("meanwhile", {"notes.txt": "one\n2\nthree\n"})
    assert not landings.move(narrows, landing.id)
    assert "no longer merges" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


def test_a_race_lost_to_the_same_edit_asks_the_person_again(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change({"notes.txt": "ONE\ntwo\nthree\n", "said.txt": "said\n"})
    landing = landings.land(narrows, change.id, revision=1)
    landings.claim(narrows, "local")
    repository.commit("the same thing first", {"said.txt": "said\n"})
    assert not landings.move(narrows, landing.id)
    assert "not quite what you read" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


@pytest.mark.parametrize("on_top", [False, True])
def test_a_server_that_died_after_the_move_only_writes_it_down(
    workshop: Workshop, repository: Repository, monkeypatch: pytest.MonkeyPatch, on_top: bool
) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    landings.claim(narrows, "local")
    with monkeypatch.context() as patch:
        patch.setattr(landings, "_write_down", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            landings.move(narrows, landing.id)
    assert landings.get(narrows, landing.id).state is LandingState.RUNNING
    if on_top:
        repository.commit("on top")
    log = repository.log()

    assert landings.move(narrows, landing.id)
    assert landings.move(narrows, landing.id)
    assert landings.get(narrows, landing.id).state is LandingState.LANDED
    assert repository.log() == log


def test_one_landing_at_a_time_on_a_target_and_in_order(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    first, second, third = (landings.land(narrows, workshop.change().id, revision=1) for _ in range(3))
    assert [each.id for each in landings.claim(narrows, "local")] == [first.id]
    assert landings.claim(narrows, "local") == []
    assert [each.id for each in landings.mine(narrows, "local")] == [first.id]
    assert landings.move(narrows, first.id)
    assert [each.id for each in landings.claim(narrows, "local")] == [second.id]
    landings.fail(narrows, second.id, "red")
    undos.ask(narrows, first.id)
    assert [each.id for each in landings.claim(narrows, "local")] == [first.id], "taking back is a move, too"
    undos.take_back(narrows, first.id, undos.plan(narrows, first.id))
    assert [each.id for each in landings.claim(narrows, "local")] == [third.id]


def test_landings_on_different_targets_go_side_by_side(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    repository.branch("release")
    first = landings.land(narrows, workshop.change().id, revision=1)
    change = workshop.change()
    projects.configure(narrows, workshop.project.id, target_branch="release")
    second = landings.land(narrows, change.id, revision=1)
    assert [each.id for each in landings.claim(narrows, "local")] == [first.id, second.id]


# Taken back


def undo(narrows: Narrows, landing: Landing) -> undos.TakingBack:
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    assert undos.take_back(narrows, landing.id, plan)
    return plan


def test_a_landing_that_nothing_followed_is_as_if_it_never_was(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change, before = workshop.change(EDITED), repository.head
    landing = workshop.land(change)
    assert not undo(narrows, landing).revert
    assert repository.head == before
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"
    landing, change = landings.get(narrows, landing.id), workshop.get(change)
    assert (landing.state, landing.undo_commit) == (LandingState.UNDONE, before)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "Its landing was undone.")
    assert workshop.task_of(change).state is TaskState.OPEN

    assert workshop.land(change).state is LandingState.LANDED, "and it can land again"


def test_a_landing_with_something_on_top_is_taken_back_by_a_revert(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED, title="Shout"))
    repository.commit("on top", {"other.txt": "other\n"})
    plan = undo(narrows, landing)
    assert plan.revert
    assert repository.log()[:3] == ['Revert "Shout"', "on top", "Shout"]
    assert f"This reverts commit {landing.commit}." in repository.git("log", "-1", "--format=%b")
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"
    assert (repository.path / "other.txt").exists()


def test_a_server_that_died_after_the_revert_reverts_no_second_time(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED, title="Shout"))
    repository.commit("on top", {"other.txt": "other\n"})
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    merges.move(Path(workshop.project.path), workshop.mirror, "main", plan.old, plan.new)  # and killed here
    log = repository.log()

    assert undos.take_back(narrows, landing.id, undos.plan(narrows, landing.id))
    assert repository.log() == log
    assert landings.get(narrows, landing.id).state is LandingState.UNDONE


def test_lines_that_were_changed_since_are_not_taken_back(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    after = repository.commit("on the same line", {"notes.txt": "one\nTwo\nthree\n"})
    undos.ask(narrows, landing.id)
    with pytest.raises(NarrowsError, match=r"Later commits changed the same lines: notes\.txt") as refused:
        undos.plan(narrows, landing.id)
    undos.stay(narrows, landing.id, str(refused.value))
    landing = landings.get(narrows, landing.id)
    assert (landing.state, landing.undo_asked, repository.head) == (LandingState.LANDED, False, after)
    assert "same lines" in landing.error


def test_a_landing_that_is_gone_from_the_target_is_not_taken_back(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    repository.git("reset", "-q", "--hard", "HEAD^")
    repository.commit("another way", {"notes.txt": "1\n"})
    undos.ask(narrows, landing.id)
    with pytest.raises(NarrowsError, match="main no longer contains this landing"):
        undos.plan(narrows, landing.id)


def test_a_target_that_moved_during_the_undo_is_planned_again(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    repository.commit("just now")
    assert not undos.take_back(narrows, landing.id, plan)
    assert undos.plan(narrows, landing.id).revert


def test_a_landing_that_waits_is_taken_out_of_the_line(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change, before = workshop.change(EDITED), repository.head
    landing = landings.land(narrows, change.id, revision=1)
    assert undos.ask(narrows, landing.id).state is LandingState.CANCELLED
    change = workshop.get(change)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "You took it out of the landing line.")
    assert landings.claim(narrows, "local") == []
    assert repository.head == before


def test_what_cant_be_taken_back_says_so(workshop: Workshop) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    landings.claim(narrows, "local")
    with pytest.raises(WrongState, match="is under way"):
        undos.ask(narrows, landing.id)
    landings.move(narrows, landing.id)
    undos.ask(narrows, landing.id)
    with pytest.raises(WrongState, match="is being taken back"):
        undos.ask(narrows, landing.id)


def test_landings_are_listed(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    undo(narrows, workshop.land(change))
    second = workshop.land(workshop.get(change))
    assert [each.id for each in landings.of_change(narrows, change.id)] == [1, 2]
    assert [each.id for each in landings.recent(narrows)] == [second.id, 1]
    with pytest.raises(NotFound):
        landings.get(narrows, 99)


def test_every_built_commit_is_held_by_a_ref(workshop: Workshop) -> None:
    landing = landings.land(workshop.narrows, workshop.change(EDITED).id, revision=1)
    assert mirrors.resolve(workshop.mirror, f"refs/narrows/landings/{landing.id}") == landing.commit


def test_two_verdicts_at_once_are_one_verdict(workshop: Workshop) -> None:
    narrows = workshop.narrows
    for verdict in (
        lambda change: landings.land(narrows, change.id, revision=1),
        lambda change: reviews.request_changes(narrows, change.id, revision=1, message="Louder."),
    ):
        change = workshop.change()
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(verdict, change) for _ in range(4)]
        refused = [each.exception() for each in done if each.exception()]
        assert [type(error) for error in refused] == [WrongState] * 3
    assert len(landings.recent(narrows)) == 1
