"""When a counterproof is made, of which files, with which commands; how its verdict is written down."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from server.domain.change import Change, Revision
from server.domain.errors import NotFound
from server.domain.states import CheckState
from server.git import mirrors
from server.services import checks, counterproofs, events, projects, revisions
from server.services.counterproofs import Plan
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

FILES = {"app.py": "x = 2\n", "tests/test_app.py": "assert x\n"}


def newest(workshop: Workshop, change: Change) -> Revision:
    return revisions.of_change(workshop.narrows, change.id)[-1]


def planned(workshop: Workshop, files: Mapping[str, str | None]) -> tuple[Revision, Plan | None]:
    revision = newest(workshop, workshop.change(files))
    return revision, counterproofs.plan(workshop.narrows, revision.id)


def with_checks(workshop: Workshop, *commands: str) -> None:
    workshop.project = projects.configure(workshop.narrows, workshop.project.id, checks=list(commands))


def test_its_tree_is_the_base_with_the_tests_of_the_revision(workshop: Workshop, repository: Repository) -> None:
    before = {"tests/test_old.py": "old\n", "tests/test_away.py": "away\n" * 9, "app.py": "x = 1\n"}
    repository.commit(files=before)
    files = {"tests/test_old.py": None, "tests/test_away.py": None, "tests/test_here.py": "away\n" * 9, **FILES}
    revision, plan = planned(workshop, files)
    assert plan
    for path in ("tests/test_old.py", "tests/test_away.py"):
        assert mirrors.read_file(workshop.mirror, plan.commit, path) is None
    assert mirrors.read_file(workshop.mirror, plan.commit, "tests/test_here.py") == b"away\n" * 9
    assert mirrors.read_file(workshop.mirror, plan.commit, "tests/test_app.py") == b"assert x\n"
    assert mirrors.read_file(workshop.mirror, plan.commit, "app.py") == b"x = 1\n"
    found = counterproofs.of_revision(workshop.narrows, revision.id)
    assert found
    assert (found.tests, found.tree, found.state) == (
        ["tests/test_app.py", "tests/test_here.py"],
        plan.tree,
        CheckState.QUEUED,
    )


@pytest.mark.parametrize(
    ("commands", "chosen"),
    [
        (["make test"], ["make test"]),
        (["ruff check .", "make test", "tox"], ["make test", "tox"]),
        (["./verify", "mypy"], ["./verify"]),
        (["ruff check .", "mypy"], None),
    ],
)
def test_tests_are_run_and_linters_are_not(workshop: Workshop, commands: list[str], chosen: list[str] | None) -> None:
    with_checks(workshop, *commands)
    _, plan = planned(workshop, {**FILES})
    assert (plan.commands if plan else None) == chosen


def test_none_is_made_where_it_could_tell_nothing(workshop: Workshop) -> None:
    for files in (
        {"app.py": "x = 2\n"},
        {"tests/test_app.py": "assert x\n"},
        {"tests/test_app.py": "assert x\n", "README.md": "# More\n"},
        {"tests/test_app.py": "assert x\n", "vendor/app.py": "x = 2\n"},
    ):
        assert planned(workshop, {**files})[1] is None


def test_none_is_made_of_what_nobody_reads_or_what_is_red(workshop: Workshop) -> None:
    task = workshop.file()
    run = next(run for run in workshop.admit() if run.task_id == task.id)
    change = workshop.finish(run, {**FILES}, red=["make test"])
    assert counterproofs.due(workshop.narrows, [change.id]) == []
    assert counterproofs.plan(workshop.narrows, newest(workshop, change).id) is None


def test_a_check_that_was_red_before_is_not_asked(workshop: Workshop) -> None:
    revision = newest(workshop, workshop.change({**FILES}))
    assert counterproofs.plan(workshop.narrows, revision.id)
    base = Revision(change_id=revision.change_id, number=9, commit="c", base="b", tree=revision.base_tree, base_tree="")
    base.id = revision.id
    for check in checks.plan(workshop.narrows, workshop.project, base):
        workshop.check(check, passes=False)
    other = newest(workshop, workshop.change({"app.py": "x = 3\n", "tests/test_app.py": "assert x\n"}))
    assert other.base_tree == revision.base_tree
    assert counterproofs.plan(workshop.narrows, other.id) is None


def test_its_end_is_written_down_and_told(workshop: Workshop) -> None:
    revision, plan = planned(workshop, {**FILES})
    assert plan
    with pytest.raises(NotFound, match="has no log"):
        counterproofs.log(workshop.narrows, plan.number)
    counterproofs.start(workshop.narrows, plan.number, "make test").write_text("1 failed\n")
    counterproofs.end(workshop.narrows, plan.number, CheckState.FAILED, 1, 0.5)
    found = counterproofs.of_revision(workshop.narrows, revision.id)
    assert found
    assert (found.state, found.exit_code, found.tail, found.command) == (
        CheckState.FAILED,
        1,
        "1 failed\n",
        "make test",
    )
    assert counterproofs.log(workshop.narrows, plan.number) == "1 failed\n"
    told = [event for event in events.since(workshop.narrows, 0) if event.noun == "counterproof"]
    assert [event.verb for event in told] == ["planned", "started", "failed"]
    assert counterproofs.due(workshop.narrows) == []
    counterproofs.call_off(workshop.narrows, revision.id)
    assert counterproofs.plan(workshop.narrows, revision.id) is None
    known = counterproofs.known(workshop.narrows, plan)
    assert {command: verdict.state for command, verdict in known.items()} == {"make test": CheckState.FAILED}


def test_one_that_was_called_off_is_due_again_and_one_that_failed_to_run_is_not(workshop: Workshop) -> None:
    revision, plan = planned(workshop, {**FILES})
    assert plan
    counterproofs.call_off(workshop.narrows, revision.id)
    again = counterproofs.plan(workshop.narrows, revision.id)
    assert again
    assert again.number == plan.number
    counterproofs.fall_over(workshop.narrows, revision.id, "The setup command failed.")
    found = counterproofs.of_revision(workshop.narrows, revision.id)
    assert found
    assert (found.state, found.tail) == (CheckState.ERRORED, "The setup command failed.")
    assert counterproofs.plan(workshop.narrows, revision.id) is None
