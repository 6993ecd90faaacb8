"""Landing, step by step: built, proven, moved by compare-and-swap, and written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.domain.errors import NarrowsError, NotFound, WrongState
from server.domain.landing import Landing
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import mirrors
from server.services import assessments, checks, landings, messages, projects, reviews, revisions
from server.services.narrows import Narrows
from server.store import check_queries
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


def failed(narrows: Narrows, act: Callable[[], object], landing: Landing) -> str:
    """What the engine does with a refusal."""
    with pytest.raises(NarrowsError) as refused:
        act()
    landings.fail(narrows, landing.id, str(refused.value))
    return str(refused.value)


def test_what_was_read_is_what_was_tested_is_what_landed(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    before = repository.head
    landing = workshop.land(change, message="Shout\n\nAs asked.")
    revision = revisions.get(narrows, change.id, 1)
    assert (landing.state, landing.commit) == (LandingState.LANDED, repository.head)
    tree = repository.resolve("main^{tree}")
    [check] = checks.of_revision(narrows, revision.id)
    assert landing.receipt is not None
    assert landing.receipt == {
        "read": {
            "revision": 1,
            "commit": revision.commit,
            "base": before,
            "diff_sha256": hashlib.sha256(revisions.patch(narrows, revision)).hexdigest(),
        },
        "tested": {
            "tree": tree,
            "checks": [
                {
                    "command": "make test",
                    "check": check.id,
                    "state": "passed",
                    "seconds": 0.1,
                    "log": check.log,
                    "tree": tree,
                }
            ],
            "retried": [],
            "red_before": [],
            "insisted": "",
        },
        "landed": {
            "branch": "main",
            "remote": "",
            "from": before,
            "to": repository.head,
            "commits": [repository.head],
            "tree": tree,
            "as_read": True,
            "method": "squash",
            "at": landing.receipt["landed"]["at"],
            "pull_request": "",
            "note": "",
        },
        "verified": {
            "scope": "as read",
            "checked": "HEAD and every tracked file as committed, after the checks",
            "branch": {"at": repository.head, "contains": True, "tree": tree},
        },
    }
    assert repository.git("log", "-1", "--format=%B").strip() == "Shout\n\nAs asked."
    change = workshop.get(change)
    assert (change.state, change.slot) == (ChangeState.LANDED, None)
    assert workshop.task_of(change).state is TaskState.DONE


def test_the_message_is_the_tasks_title_and_the_agents_words_unless_edited(workshop: Workshop) -> None:
    change = workshop.change(EDITED, title="Shout")
    assert messages.proposed(workshop.narrows, change.id) == "Shout\n\nI said it.\n"
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
    workshop.claim()
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
    workshop.claim()
    first = repository.commit("meanwhile", {"other.txt": "other\n"})
    assert not landings.move(narrows, landing.id)
    rebuilt = landings.rebuild(narrows, landing.id)
    assert (rebuilt.old, rebuilt.tries) == (first, 2)
    assert rebuilt.tree is not None
    assert not checks.proven(narrows, workshop.project, rebuilt.tree), "it is another tree, to be proven again"
    workshop.prove(rebuilt)
    assert landings.move(narrows, landing.id)
    assert repository.log() == ["Say it", "meanwhile", "first"]


def test_a_race_lost_too_often_is_given_up(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    workshop.claim()
    for n in range(landings.MOST_TRIES - 1):
        repository.commit(f"meanwhile {n}")
        landings.rebuild(narrows, landing.id)
    assert "moved 5 times meanwhile" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


def test_a_race_lost_to_a_conflict_comes_back_with_it(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    workshop.claim()
    repository.commit("meanwhile", {"notes.txt": "one\n2\nthree\n"})
    assert not landings.move(narrows, landing.id)
    assert "no longer merges" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


def test_a_race_lost_to_the_same_edit_asks_the_person_again(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change = workshop.change({"notes.txt": "ONE\ntwo\nthree\n", "said.txt": "said\n"})
    landing = landings.land(narrows, change.id, revision=1)
    workshop.claim()
    repository.commit("the same thing first", {"said.txt": "said\n"})
    assert not landings.move(narrows, landing.id)
    assert "not quite what you read" in failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing)


def test_one_difference_that_was_acknowledged_is_not_another_in_the_same_file(
    workshop: Workshop, repository: Repository
) -> None:
    narrows = workshop.narrows

    def numbers(*edited: int) -> dict[str, str]:
        return {"numbers.txt": "".join(f"{n}{' edited' * (n in edited)}\n" for n in range(10))}

    repository.commit("numbers", numbers())
    change = workshop.change(numbers(1, 4, 7))
    repository.commit("one of them first", numbers(1))
    with pytest.raises(assessments.Objected, match="not quite what you read") as refused:
        landings.land(narrows, change.id, revision=1)
    [known] = refused.value.assessment.warnings
    landing = landings.land(narrows, change.id, revision=1, acknowledge=[known.hash])
    workshop.claim()
    repository.commit("and another", numbers(1, 4))
    assert not landings.move(narrows, landing.id)
    assert failed(narrows, lambda: landings.rebuild(narrows, landing.id), landing).startswith(known.message)


@pytest.mark.parametrize("on_top", [False, True])
def test_a_server_that_died_after_the_move_only_writes_it_down(
    workshop: Workshop, repository: Repository, on_top: bool
) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    workshop.claim()
    workshop.die(landings, "_write_down", landing)
    assert landings.get(narrows, landing.id).state is LandingState.RUNNING
    if on_top:
        repository.commit("on top")
    log = repository.log()

    assert landings.move(narrows, landing.id)
    assert landings.move(narrows, landing.id)
    assert landings.get(narrows, landing.id).state is LandingState.LANDED
    assert repository.log() == log


def test_of_a_rebase_each_commit_is_proven_where_the_project_wants_that(workshop: Workshop) -> None:
    narrows = workshop.narrows
    workshop.project = projects.configure(narrows, workshop.project.id, landing_method="rebase", check_each=True)
    change = workshop.change(EDITED)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    workshop.finish(run, {"said.txt": "said\n"})
    landing = landings.land(narrows, change.id, revision=2)
    workshop.claim()
    proofs = landings.to_prove(narrows, workshop.project, landing)
    assert [commit for commit, _ in proofs] == landing.commits
    assert [tree for _, tree in proofs] == [each.tree for each in revisions.of_change(narrows, change.id)]
    assert landings.may_move(narrows, landing.id)
    with narrows.transaction() as db:
        for check in check_queries.of_revision(db, revisions.get(narrows, change.id, 1).id):
            check.superseded = True
            db.add(check)
    assert not landings.may_move(narrows, landing.id), "the first commit's tree has no verdict any more"


def test_landings_are_listed(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    workshop.undo(workshop.land(change))
    second = workshop.land(workshop.get(change))
    assert [each.id for each in landings.of_change(narrows, change.id)] == [1, 2]
    assert [each.id for each in landings.recent(narrows)] == [second.id, 1]
    with pytest.raises(NotFound):
        landings.get(narrows, 99)


def test_every_built_commit_is_held_by_a_ref(workshop: Workshop) -> None:
    landing = landings.land(workshop.narrows, workshop.change(EDITED).id, revision=1)
    assert mirrors.resolve(workshop.mirror, landing.ref) == landing.commit


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
