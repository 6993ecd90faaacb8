"""Usage in words, and its sums."""

from __future__ import annotations

from typing import Any

import pytest

from server.reading import usage


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "unknown"),
        ({"input": 1200, "output": 300}, "1,200 in, 300 out; cost unknown"),
        ({"cost": 0.012}, "tokens unknown; cost 0.0120 USD"),
        ({"input": 0, "cache_read": 9, "output": 1, "cost": 0, "currency": "EUR"},
         "0 in, 9 read from the cache, 1 out; cost 0.0000 EUR"),
        ({"input": "many", "output": float("nan"), "cost": True, "<b>": 1}, "unknown"),
        ({"output": -4, "cost": 1, "currency": "<b>"}, "tokens unknown; cost 1.0000 USD"),
    ],
)  # fmt: skip
def test_what_a_run_used(told: dict[str, Any], words: str) -> None:
    assert usage.words(told) == words


def test_the_sum_says_what_is_missing_in_it() -> None:
    runs: list[dict[str, Any]] = [{"input": 10, "output": 2, "cost": 0.5}, {"output": 3}, {}]
    assert usage.total(runs).words == (
        "10 in, 5 out (unknown for 1 of 3 runs); cost 0.5000 USD (unknown for 2 of 3 runs)"
    )
    assert usage.total([{}, {}]).words == "unknown"
    assert usage.total([{"cost": 1}, {"cost": 2, "currency": "EUR"}]).words.endswith("cost 1.0000 USD + 2.0000 EUR")
