"""Verdicts on trees, and the logs behind them."""

from __future__ import annotations

import pytest

from server.domain.errors import NotFound, WrongState
from server.domain.states import CheckState
from server.services import checks, projects, reviews, revisions
from tests.services.workshop import Workshop


def test_the_end_of_a_log_is_at_hand_and_the_whole_on_demand(workshop: Workshop) -> None:
    narrows = workshop.narrows
    workshop.file()
    [run] = workshop.admit()
    workshop.write(run, {"said.txt": "said\n"})
    revision = workshop.take(run)
    assert revision is not None
    [check] = checks.plan(narrows, workshop.project, revision)
    assert [each.id for each in checks.plan(narrows, workshop.project, revision)] == [check.id]
    with pytest.raises(NotFound, match="has no log: it is queued"):
        checks.log(narrows, check.id)
    _, log = checks.start(narrows, check.id)
    assert [each.id for each in checks.running(narrows)] == [check.id]
    log.write_bytes(b"first line\n" + b"x" * 3990 + b"\n\xffthe end\n")
    check = checks.end(narrows, check.id, CheckState.FAILED, 2, 1.5)
    assert check.tail == "\N{REPLACEMENT CHARACTER}the end\n"
    assert checks.log(narrows, check.id).startswith("first line\n")


def test_a_red_check_that_is_run_again_counts_by_its_second_result(workshop: Workshop) -> None:
    narrows = workshop.narrows
    project = projects.configure(narrows, workshop.project.id, checks=["make one", "make two"])
    workshop.file()
    [run] = workshop.admit()
    workshop.write(run, {"said.txt": "said\n"})
    revision = workshop.take(run)
    assert revision is not None
    one, two = checks.plan(narrows, project, revision)
    workshop.check(one, passes=False)
    checks.skip(narrows, two.id)

    fresh = checks.again(narrows, one.id)
    workshop.check(fresh, passes=True)
    assert not checks.proven(narrows, project, revision.tree)
    counting = checks.plan(narrows, project, revision)
    assert [(each.command, each.state) for each in counting] == [
        ("make one", CheckState.PASSED),
        ("make two", CheckState.QUEUED),
    ]
    workshop.check(counting[1], passes=True)
    assert checks.proven(narrows, project, revision.tree)


def test_a_check_that_was_running_when_its_server_died_begins_again(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change()
    revision = revisions.get(narrows, change.id, 1)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    workshop.write(run, {"more.txt": "more\n"})
    second = workshop.take(run)
    assert second is not None
    [check] = checks.plan(narrows, workshop.project, second)
    checks.start(narrows, check.id)
    again, _ = checks.start(narrows, check.id)
    assert again.state is CheckState.RUNNING
    assert checks.skip(narrows, check.id).state is CheckState.SKIPPED
    assert [each.id for each in checks.of_revision(narrows, revision.id)] != [check.id]


def test_a_check_that_the_project_got_meanwhile_is_planned_too_and_the_others_keep_their_results(
    workshop: Workshop,
) -> None:
    narrows = workshop.narrows
    revision = revisions.get(narrows, workshop.change().id, 1)
    [first] = checks.of_revision(narrows, revision.id)

    project = projects.configure(narrows, workshop.project.id, checks=["make lint", first.command])

    planned = checks.plan(narrows, project, revision)
    assert {(check.command, check.state) for check in planned} == {
        (first.command, CheckState.PASSED),
        ("make lint", CheckState.QUEUED),
    }
    project = projects.configure(narrows, workshop.project.id, checks=["make lint"])
    assert [check.command for check in checks.plan(narrows, project, revision)] == ["make lint"]


def test_the_same_tree_again_has_its_verdict_already(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first = revisions.get(narrows, workshop.change({"said.txt": "said\n"}).id, 1)
    [judged] = checks.of_revision(narrows, first.id)
    second = revisions.get(narrows, workshop.change({"said.txt": "said\n"}).id, 1)
    [taken] = checks.of_revision(narrows, second.id)
    assert first.tree == second.tree
    assert (taken.state, taken.seconds, taken.log) == (CheckState.PASSED, judged.seconds, judged.log)
    assert checks.log(narrows, taken.id) == checks.log(narrows, judged.id)


def test_a_red_check_is_known_once_it_was_red_twice_and_until_it_is_asked_for_again(workshop: Workshop) -> None:
    narrows = workshop.narrows
    project = projects.configure(narrows, workshop.project.id, check_rounds=0)
    workshop.file()
    [run] = workshop.admit()
    change = workshop.finish(run, {"said.txt": "said\n"}, red=["make test"])
    revision = revisions.get(narrows, change.id, 1)
    [red] = checks.of_revision(narrows, revision.id)
    assert checks.red_on(narrows, project, revision.tree) == [], "once may be chance"
    again = workshop.check(checks.again(narrows, red.id), passes=False)
    assert checks.red_on(narrows, project, revision.tree) == ["make test"]
    fresh = checks.ask_again(narrows, again.id)
    assert checks.red_on(narrows, project, revision.tree) == []
    assert [each.id for each in checks.unjudged(narrows)] == [revision.id]
    assert workshop.check(fresh, passes=True).state is CheckState.PASSED
    assert checks.proven(narrows, project, revision.tree)
    assert checks.second_try(checks.of_revision(narrows, revision.id)) == {fresh.id}
    with pytest.raises(WrongState, match="only a red one"):
        checks.ask_again(narrows, fresh.id)
