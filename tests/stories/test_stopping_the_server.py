"""A person asks for a run's end, and stops the server before it came about: the next start does what was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.run import Run
from server.domain.states import ChangeState
from server.engine.engine import Engine
from server.services import changes, revisions, runs
from server.services.narrows import Narrows
from tests.support import invariants
from tests.support.gates import MOMENTS, Shop, settled
from tests.support.house import house_in, narrows_in

pytestmark = pytest.mark.alone


def _stop(narrows: Narrows, change: Change, run: Run) -> None:
    runs.stop(narrows, run.id)


def _abandon(narrows: Narrows, change: Change, run: Run) -> None:
    changes.abandon(narrows, change.id)


@pytest.mark.parametrize("asked", [_stop, _abandon], ids=["stop", "abandon"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_wish_and_ctrl_c_at_once(tmp_path: Path, moment: str, asked: Callable[[Narrows, Change, Run], None]) -> None:
    with narrows_in(tmp_path) as narrows:
        shop, engine = Shop(narrows, tmp_path), Engine(narrows)
        engine.start()
        change, run = shop.reach(moment)
        asked(narrows, change, run)
        engine.stop()

    with house_in(tmp_path) as house:
        found = settled(house, change)
        expected = {"checks": ChangeState.IN_REVIEW}.get(moment, ChangeState.NEEDS_ATTENTION)
        assert found.state is (expected if asked is _stop else ChangeState.ABANDONED)
        left = revisions.of_change(house.narrows, change.id)
        assert [revision.files for revision in left] == {"setup": [], "agent": [1], "checks": [1]}[moment]
        assert runs.get(house.narrows, run.id).attempt <= 2
    shop.let_go()
    with narrows_in(tmp_path) as narrows:
        invariants.check(narrows)
