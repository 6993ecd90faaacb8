"""A person stops, abandons, tries again, at every moment of a run: the change is always where somebody can move it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.errors import WrongState
from server.domain.states import ChangeState, CheckState, RunState
from server.services import changes, checks, projects, revisions, runs
from tests.support import invariants
from tests.support.gates import MOMENTS, Shop, settled
from tests.support.house import House, house_in, narrows_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("stopping")
    with house_in(folder, budget=0, agents=20) as house:
        yield house
    with narrows_in(folder) as narrows:
        invariants.check(narrows)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(house.narrows, tmp_path)
    yield shop
    shop.let_go()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_at_any_moment_and_another_try(house: House, shop: Shop, moment: str) -> None:
    change, run = shop.reach(moment)

    runs.stop(house.narrows, run.id)
    runs.stop(house.narrows, run.id)  # the person clicked twice

    found = settled(house, change)
    left = revisions.of_change(house.narrows, change.id)
    with pytest.raises(WrongState, match="is over"):
        runs.stop(house.narrows, run.id)
    if moment == "checks":
        assert (found.state, found.note[:31]) == (ChangeState.IN_REVIEW, "Not all of its checks were run;")
        assert [check.state for check in checks.of_revision(house.narrows, left[0].id)] == [CheckState.SKIPPED]
    else:
        assert (found.state, found.note[:20]) == (ChangeState.NEEDS_ATTENTION, "You stopped the run.")
        assert runs.get(house.narrows, run.id).state is RunState.STOPPED
        assert [revision.files for revision in left] == ([1] if moment == "agent" else [])
        runs.retry(house.narrows, change.id)
        assert settled(house, change).state is ChangeState.IN_REVIEW


@pytest.mark.parametrize("moment", MOMENTS)
def test_abandoned_at_any_moment_restored_and_tried_again(house: House, shop: Shop, moment: str) -> None:
    change, _ = shop.reach(moment)

    changes.abandon(house.narrows, change.id)

    assert settled(house, change).slot is None
    found = changes.restore(house.narrows, change.id)
    if found.state is ChangeState.NEEDS_ATTENTION:
        runs.retry(house.narrows, change.id)
    assert settled(house, change).state is ChangeState.IN_REVIEW
    assert len(runs.of_change(house.narrows, change.id)) == (2 if found.state is ChangeState.NEEDS_ATTENTION else 1)


@pytest.mark.parametrize("moment", MOMENTS)
def test_restored_and_tried_again_before_the_first_try_has_ended(house: House, shop: Shop, moment: str) -> None:
    change, _ = shop.reach(moment)

    changes.abandon(house.narrows, change.id)
    found = changes.restore(house.narrows, change.id)
    if found.state is ChangeState.NEEDS_ATTENTION:
        runs.retry(house.narrows, change.id)

    assert settled(house, change).state is ChangeState.IN_REVIEW
    newest = revisions.of_change(house.narrows, change.id)[-1]
    assert revisions.whole_file(house.narrows, newest, "said.txt", old=False) == b"said\n"


def test_a_stop_before_the_start(house: House, shop: Shop) -> None:
    change, run = shop.reach("setup")
    runs.stop(house.narrows, run.id)
    settled(house, change)
    projects.configure(house.narrows, shop.project.id, agents_limit=1)
    shop.let_go()
    shop.reach("agent")  # another one has the only place

    waiting = runs.retry(house.narrows, change.id)
    assert runs.get(house.narrows, waiting.id).executor is None
    runs.stop(house.narrows, waiting.id)

    found = changes.get(house.narrows, change.id)
    assert (found.state, found.note) == (ChangeState.NEEDS_ATTENTION, "Stopped before it started.")
    again = runs.retry(house.narrows, change.id)
    changes.abandon(house.narrows, change.id)
    assert runs.get(house.narrows, again.id).state is RunState.STOPPED
    changes.restore(house.narrows, change.id)
    runs.retry(house.narrows, change.id)
    os.write(shop.held, b"go on\n")
    shop.let_go()
    assert settled(house, change).state is ChangeState.IN_REVIEW
    shop.hold(os.open(os.devnull, os.O_RDONLY))
