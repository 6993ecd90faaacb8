"""What runs used: differences of what counts on, sums of what is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.usage import TOKENS, of_run, total

COUNTS = st.dictionaries(st.sampled_from(TOKENS), st.integers(0, 10**9))


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_the_runs_of_a_session_that_counts_on_sum_up_to_what_it_told_last(used: list[dict[str, int]]) -> None:
    told: dict[str, int] = dict.fromkeys(TOKENS, 0)
    runs: list[dict[str, Any]] = []
    before: dict[str, int] = {}
    for each in used:
        told = {name: told[name] + each.get(name, 0) for name in TOKENS}
        runs.append(of_run(told, before, TOKENS))
        before = told
    assert total(runs) == told


@given(COUNTS, COUNTS)
def test_what_counts_from_the_turns_beginning_is_taken_as_it_is(told: dict[str, int], before: dict[str, int]) -> None:
    assert of_run(told, before, ()) == told


@given(COUNTS, COUNTS)
def test_no_run_ever_used_less_than_nothing(told: dict[str, int], before: dict[str, int]) -> None:
    used = of_run(told, before, TOKENS)
    assert used.keys() == told.keys()
    assert all(0 <= used[name] <= told[name] for name in told)


@given(st.lists(COUNTS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_no_total(runs: list[dict[str, int]], shuffle: Any) -> None:
    other = list(runs)
    shuffle.shuffle(other)
    assert total(runs) == total(other)


def test_a_session_that_begins_to_count_anew_is_not_taken_for_a_refund() -> None:
    assert of_run({"input": 40, "output": 900}, {"input": 100, "output": 800}, ("input", "output")) == {
        "input": 40,
        "output": 100,
    }


def test_each_name_counts_in_its_own_way() -> None:
    told = {"input": 50, "cost": 0.30000000004, "currency": "EUR"}
    used = of_run(told, {"input": 40, "cost": 0.1}, ("cost",))
    assert used == {"input": 50, "cost": pytest.approx(0.2), "currency": "EUR"}


def test_what_nobody_told_is_unknown_and_not_nothing() -> None:
    assert of_run({}, {"input": 3}, TOKENS) == {}
    assert total([]) == {}
    assert total([{}, {"output": 0}]) == {"output": 0}
    assert "cost" not in of_run({"input": 1, "currency": "USD"}, {}, ())


def test_costs_of_different_currencies_are_not_added() -> None:
    runs: list[dict[str, Any]] = [{"cost": 1.5, "currency": "USD"}, {"cost": 7.0, "currency": "EUR"}, {"cost": 0.25}]
    assert total(runs) == {"cost": 1.75, "currency": "USD"}
