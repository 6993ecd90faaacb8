"""A revision's tests on the code before: run after its checks, once, and in nobody's way."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from server.domain.change import Change, Revision
from server.domain.project import Project
from server.domain.risk import Counterproof
from server.domain.states import ChangeState, CheckState
from server.services import agents, changes, counterproofs, edits, projects, reviews, revisions, tasks
from tests.support.house import House, house_in, narrows_in
from tests.support.repositories import Repository

PROVES = "echo 2 > value.sh; mkdir -p tests; echo 'grep -q 2 value.sh' > tests/test_value.sh"
PROVES_NOTHING = "echo 2 > value.sh; mkdir -p tests; echo true > tests/test_value.sh"


class Shop:
    """One project in the house, whose agent does as it is told, and whose checks count how often they ran."""

    def __init__(self, house: House, repository: Repository) -> None:
        self.house, self.narrows, self.repository = house, house.narrows, repository
        self.folder = repository.path.parent
        self.gate, self.count = self.folder / "gate", self.folder / "count"
        self.name = f"shop-{len(projects.every(self.narrows))}"
        repository.commit(files={"value.sh": "1\n"})
        self.project: Project = projects.register(
            self.narrows, str(repository.path), name=self.name, checks=self.checks()
        )

    def checks(self) -> list[str]:
        """A linter, and a test that waits where there is a gate and the code is the old one."""
        gate, count = shlex.quote(str(self.gate)), shlex.quote(str(self.count))
        wait = f"if test -p {gate} && grep -q 1 value.sh; then cat {gate}; fi"
        return [
            "true lint",
            f"echo ran >> {count}; {wait}; for each in tests/*; do test ! -e $each || sh $each || exit 1; done",
        ]

    @property
    def ran(self) -> int:
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0

    def change(self, script: str) -> Change:
        name = f"{self.name}-{len(agents.everyone(self.narrows))}"
        agents.add(self.narrows, name, "command", ["/bin/sh", "-c", f"{script}; echo Done."])
        return self.house.waits(tasks.file(self.narrows, project_id=self.project.id, title="Make it two", agent=name))

    def newest(self, change: Change) -> Revision:
        return revisions.of_change(self.narrows, change.id)[-1]

    def proven(self, revision: Revision, *states: CheckState) -> Counterproof:
        """Its counterproof, once it is in one of these states."""

        def look() -> Counterproof | None:
            found = counterproofs.of_revision(self.narrows, revision.id)
            return found if found and found.state in states else None

        return self.house.until(look)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Shop:
    return Shop(house, Repository.make(tmp_path))


def test_a_test_that_fails_without_the_change_proves_something(shop: Shop) -> None:
    revision = shop.newest(shop.change(PROVES))
    found = shop.proven(revision, CheckState.FAILED)
    assert (found.exit_code, found.tests, found.command) == (1, ["tests/test_value.sh"], shop.checks()[1])
    assert found.tree not in (revision.tree, revision.base_tree)
    assert counterproofs.log(shop.narrows, found.id) == ""
    assert shop.ran == 2, "once on the change, once on the code before; the linter tells nothing"


def test_a_test_that_passes_on_the_old_code_proves_nothing(shop: Shop) -> None:
    change = shop.change(PROVES_NOTHING)
    found = shop.proven(shop.newest(change), CheckState.PASSED)
    assert (found.exit_code, found.command) == (0, shop.checks()[1])
    assert changes.get(shop.narrows, change.id).state is ChangeState.IN_REVIEW


def test_the_same_tests_on_the_same_code_are_not_run_again(shop: Shop) -> None:
    change = shop.change(PROVES)
    first = shop.proven(shop.newest(change), CheckState.FAILED)
    ran = shop.ran
    edits.edit(shop.narrows, change.id, revision=1, path="value.sh", text="2 2\n")
    second = shop.proven(shop.newest(change), CheckState.FAILED)
    assert (second.id != first.id, second.tree, second.log) == (True, first.tree, first.log)
    assert shop.ran == ran + 1, "the check of the second revision alone"


@pytest.mark.parametrize(
    "script",
    [
        "echo 2 > value.sh",  # no test
        "mkdir -p tests; echo true > tests/test_value.sh",  # nothing but tests
    ],
)
def test_where_it_can_tell_nothing_none_is_made(shop: Shop, script: str) -> None:
    revision = shop.newest(shop.change(f"mkdir -p tests; {script}"))
    assert counterproofs.plan(shop.narrows, revision.id) is None
    assert counterproofs.of_revision(shop.narrows, revision.id) is None


def test_where_checks_take_long_none_is_made(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterproofs, "SHARE", 10**9)
    revision = shop.newest(shop.change(PROVES))
    assert counterproofs.plan(shop.narrows, revision.id) is None


def test_one_that_nobody_waits_for_any_more_is_called_off(shop: Shop) -> None:
    os.mkfifo(shop.gate)
    change = shop.change(PROVES)
    revision = shop.newest(change)
    shop.proven(revision, CheckState.RUNNING)
    changes.abandon(shop.narrows, change.id)
    shop.proven(revision, CheckState.SKIPPED)


def test_a_change_is_read_and_sent_back_while_it_runs(shop: Shop) -> None:
    os.mkfifo(shop.gate)
    change = shop.change(PROVES)
    revision = shop.newest(change)
    shop.proven(revision, CheckState.RUNNING)
    reviews.request_changes(shop.narrows, change.id, revision=1, message="Again.")
    shop.proven(revision, CheckState.SKIPPED)


def test_a_stop_of_the_server_breaks_it_off_and_the_next_start_takes_it_up(tmp_path: Path) -> None:
    with house_in(tmp_path / "house") as house:
        shop = Shop(house, Repository.make(tmp_path))
        os.mkfifo(shop.gate)
        revision = shop.newest(shop.change(PROVES))
        shop.proven(revision, CheckState.RUNNING)
    left = counterproof_in(tmp_path, revision)
    assert (left.state, left.exit_code) == (CheckState.RUNNING, None), "a program that was ended is no verdict"
    with house_in(tmp_path / "house") as house:
        shop.house, shop.narrows = house, house.narrows
        os.close(os.open(shop.gate, os.O_WRONLY))  # waits for its reader
        assert shop.proven(revision, CheckState.FAILED).exit_code == 1


def counterproof_in(folder: Path, revision: Revision) -> Counterproof:
    """What is written down while no server runs."""
    with narrows_in(folder / "house") as narrows:
        found = counterproofs.of_revision(narrows, revision.id)
    assert found
    return found
