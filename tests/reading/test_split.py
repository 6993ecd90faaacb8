"""Which lines stand side by side."""

from __future__ import annotations

import random
import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import versions
from server.reading.rows import Row, RowKind


def block(removed: list[str], added: list[str]) -> list[Row]:
    return [Row(RowKind.REMOVED, n, None, text) for n, text in enumerate(removed, 1)] + [
        Row(RowKind.ADDED, None, n, text) for n, text in enumerate(added, 1)
    ]


def side_by_side(removed: list[str], added: list[str]) -> list[tuple[str, str]]:
    rows = block(removed, added)
    return [
        ("" if left is None else rows[left].text, "" if right is None else rows[right].text)
        for left, right in versions.sides(rows)
    ]


def test_versions_of_a_line_stand_side_by_side() -> None:
    assert side_by_side(
        ["total = price * count", "return total"],
        ["if not count:", "    return 0", "total = price * count * tax", "log(total)", "return round(total)"],
    ) == [
        ("", "if not count:"),
        ("", "    return 0"),
        ("total = price * count", "total = price * count * tax"),
        ("", "log(total)"),
        ("return total", "return round(total)"),
    ]


def test_what_is_left_over_fills_the_lines_between() -> None:
    assert side_by_side(["alpha(one)", "zzz", "omega(two)"], ["alpha(1)", "-", "+", "omega(2)"]) == [
        ("alpha(one)", "alpha(1)"),
        ("zzz", "-"),
        ("", "+"),
        ("omega(two)", "omega(2)"),
    ]


def test_unchanged_lines_stand_beside_themselves() -> None:
    rows = [Row(RowKind.HUNK, 1, 1, ""), Row(RowKind.SAME, 1, 1, "a"), *block(["b"], []), Row(RowKind.SAME, 3, 2, "c")]
    assert list(versions.sides(rows)) == [(0, 0), (1, 1), (2, None), (3, 3)]


def test_indentation_makes_no_difference_and_no_likeness() -> None:
    assert versions.pairs(block(["return value"], ["        return value"])) == {0: 1}
    assert versions.pairs(block(["            a"], ["            b"])) == {}


LINES = st.lists(st.sampled_from(["alpha one", "alpha two", "beta one", "beta two", "}", ""]), max_size=12)


@given(LINES, LINES)
def test_every_row_has_one_place_and_order_is_kept(removed: list[str], added: list[str]) -> None:
    rows = block(removed, added)
    sides = list(versions.sides(rows))
    assert [left for left, _ in sides if left is not None] == list(range(len(removed)))
    assert [right for _, right in sides if right is not None] == list(range(len(removed), len(rows)))
    assert not any(left is right is None for left, right in sides)


@pytest.mark.parametrize("seed", range(60))
def test_pairs_are_the_most_alike_that_keep_their_order(seed: int) -> None:
    """Against every choice that there is, in small."""
    chance = random.Random(seed)
    candidates = [
        [(place, chance.choice([0.5, 0.6, 0.8, 1.0])) for place in range(5) if chance.random() < 0.6] for _ in range(5)
    ]
    shares = {(line, place): share for line, choices in enumerate(candidates) for place, share in choices}
    best = max(
        sum(shares.get(both, -9) for both in zip(lines, places, strict=True))
        for count in range(6)
        for lines in combinations(range(5), count)
        for places in combinations(range(5), count)
    )
    found = versions._best_in_order(candidates)
    assert sum(shares[both] for both in found) == pytest.approx(best)
    assert found == sorted(found)


def test_large_blocks_are_quick() -> None:
    chance = random.Random(1)
    lines = [
        " ".join(chance.choices(["def", "return", "value", "self", "item", "(", ")", "="], k=9)) for _ in range(390)
    ]
    began = time.process_time()
    assert len(versions.pairs(block(lines, [line.replace("value", "worth") for line in lines[5:]]))) > 350
    assert len(versions.pairs(block(lines * 50, [f"{line}!" for line in lines * 50]))) == 390 * 50
    assert time.process_time() - began < 2
