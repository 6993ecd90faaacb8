"""The project's checks on one tree: in order, the first red one ends it, and a crash repeats no result."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.domain.change import Revision
from server.domain.check import Check
from server.domain.project import Project
from server.domain.states import CheckState
from server.engine import checker
from server.engine.workplace import Workplace
from server.services import checks, projects
from tests.services.workshop import Workshop

Results = list[tuple[str, CheckState]]


@pytest.fixture
def tree(workshop: Workshop, revision: Revision) -> Path:
    return workshop.narrows.tree(workshop.project.id, 1)


def with_checks(workshop: Workshop, *commands: str, minutes: int = 20) -> Project:
    return projects.configure(workshop.narrows, workshop.project.id, checks=list(commands), check_minutes=minutes)


def results(found: list[Check]) -> Results:
    return [(check.command, check.state) for check in found]


def check(place: Workplace, project: Project, revision: Revision, tree: Path) -> list[Check]:
    return asyncio.run(checker.check(place, project, revision, tree))


def test_every_check_runs_in_the_worktree_and_keeps_its_log(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "cat said.txt; pwd; echo oops >&2", "true")
    found = check(place, project, revision, tree)
    assert results(found) == [(command, CheckState.PASSED) for command in project.checks]
    assert found[0].tail == f"said\n{tree}\noops\n"
    assert (found[0].exit_code, found[0].tree) == (0, revision.tree)
    assert found[0].seconds is not None
    assert checks.proven(place.narrows, project, revision.tree)


def test_the_first_red_check_ends_it(place: Workplace, workshop: Workshop, revision: Revision, tree: Path) -> None:
    project = with_checks(workshop, "true", "exit 3", "touch ran")
    found = check(place, project, revision, tree)
    assert [each.state for each in found] == [CheckState.PASSED, CheckState.FAILED, CheckState.SKIPPED]
    assert found[1].exit_code == 3
    assert not (tree / "ran").exists()


def test_a_check_gets_no_secret_and_no_input(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    [found] = check(place, with_checks(workshop, "cat; env"), revision, tree)
    assert found.state is CheckState.PASSED
    assert "s3cret" not in found.tail
    assert f"NARROWS_WORKTREE={tree}\n" in found.tail


def test_a_result_that_is_there_is_not_made_again(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "true", "echo >> count.txt")
    first, second = checks.plan(place.narrows, project, revision)
    workshop.check(first, passes=True)
    checks.start(place.narrows, second.id)  # and the server died
    found = check(place, project, revision, tree)
    assert [each.state for each in found] == [CheckState.PASSED, CheckState.PASSED]
    assert (tree / "count.txt").read_text() == "\n"
    check(place, project, revision, tree)
    assert (tree / "count.txt").read_text() == "\n"


def test_a_check_that_cant_start_is_no_verdict(
    place: Workplace, workshop: Workshop, revision: Revision, tmp_path: Path
) -> None:
    [found] = check(place, with_checks(workshop, "true"), revision, tmp_path / "no such tree")
    assert (found.state, found.red, found.exit_code) == (CheckState.ERRORED, True, None)


def test_a_stop_ends_the_check_at_work_and_skips_the_rest(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "exec sleep 600", "true")

    async def stop() -> list[Check]:
        stopping = asyncio.Event()
        checking = asyncio.ensure_future(checker.check(place, project, revision, tree, stop=stopping))
        with place.narrows.bus.subscribe() as signals:
            async for signal in signals:
                if (signal.topic, signal.verb) == ("check", "started"):
                    break
        stopping.set()
        return await asyncio.wait_for(checking, 20)

    assert [each.state for each in asyncio.run(stop())] == [CheckState.SKIPPED, CheckState.SKIPPED]


def test_a_red_check_is_run_once_more(place: Workplace, workshop: Workshop, revision: Revision, tree: Path) -> None:
    project = with_checks(workshop, "test -f twice.txt || { touch twice.txt; exit 1; }")
    [red] = check(place, project, revision, tree)
    assert red.red
    [second] = asyncio.run(checker.check(place, project, revision, tree, tries=2))
    assert second.state is CheckState.PASSED
    assert checks.second_try(checks.of_revision(place.narrows, revision.id)) == {second.id}
    assert results(check(place, project, revision, tree)) == [(project.checks[0], CheckState.PASSED)]


def test_what_was_red_twice_is_not_run_a_third_time(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "echo >> count.txt; false", "true")
    for _ in range(2):
        found = asyncio.run(checker.check(place, project, revision, tree, tries=2))
        assert [each.state for each in found] == [CheckState.FAILED, CheckState.SKIPPED]
    assert (tree / "count.txt").read_text() == "\n\n"
    assert checks.red_on(place.narrows, project, revision.tree) == project.checks[:1]


def test_a_check_that_may_be_red_does_not_end_the_others(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "false", "true")
    found = asyncio.run(checker.check(place, project, revision, tree, despite=["false"]))
    assert results(found) == [("false", CheckState.FAILED), ("true", CheckState.PASSED)]
    assert checks.proven(place.narrows, project, revision.tree, ["false"])
    assert not checks.proven(place.narrows, project, revision.tree)


def test_a_green_result_is_written_down_only_where_the_files_are_still_the_same(
    place: Workplace, workshop: Workshop, revision: Revision, tree: Path
) -> None:
    project = with_checks(workshop, "true", "echo more >> notes.txt", "true")
    answers = iter([True, False])

    async def asked() -> bool:
        return next(answers)

    with pytest.raises(checker.Tampered, match="so they prove nothing"):
        asyncio.run(checker.check(place, project, revision, tree, intact=asked))
    found = checks.of_revision(place.narrows, revision.id)
    assert [(each.state, each.superseded) for each in found] == [
        (CheckState.PASSED, False),
        (CheckState.PASSED, True),
        (CheckState.QUEUED, False),
    ]
