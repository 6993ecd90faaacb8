"""A few of the random landings of `tests.bench.receipts`: neither they nor what they watch over breaks unseen."""

from __future__ import annotations

import pytest

from tests.bench import receipts


@pytest.mark.parametrize("seed", [7, 11])
def test_what_lands_is_what_was_read_and_tested_and_nothing_else_moves(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("HOME", "/nowhere")  # the bench has a home of its own, and it is put back afterwards
    tally = receipts.batch(seed, 12)
    assert tally.landings == 12
    assert tally.faults == []
