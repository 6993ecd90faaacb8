"""Which files grew most complex, by the branches of their functions."""

from __future__ import annotations

import pytest

from server.reading import complexity
from server.reading.complexity import Function, Grown


def code(branches: int, name: str = "parse") -> str:
    body = "".join(f"    if text == {n}:\n        return {n}\n" for n in range(branches))
    return f"def {name}(text):\n{body}    return None\n\n\n"


def test_functions_that_grew_come_first_the_most_at_the_front() -> None:
    old = code(1) + code(3, "same") + code(5, "simpler")
    new = code(4) + code(3, "same") + code(1, "simpler") + code(2, "fresh")
    made = complexity.grown("a.py", 70, 3, old, new)
    assert (made.before, made.after) == (9, 10)
    assert made.functions == [Function("parse", 2, 5), Function("fresh", None, 3)]


def test_a_new_file_and_one_that_cannot_be_parsed() -> None:
    assert complexity.grown("a.py", 70, 1, "", code(4)).functions == [Function("parse", None, 5)]
    assert complexity.grown("a.py", 70, 1, "", "def broken(((\n  ]]").after == 0


@pytest.mark.parametrize(
    ("path", "measured"), [("a.py", True), ("a.tsx", True), ("a.rs", True), ("a.md", False), ("Makefile", False)]
)
def test_what_is_measured(path: str, measured: bool) -> None:
    assert complexity.is_measured(path) is measured


def grown(path: str, lines: int, growth: int) -> Grown:
    return Grown(path, lines, 2, 10, 10 + growth, [])


def test_what_churned_most_and_grew_most_is_chosen() -> None:
    files = [grown("busy.py", 300, 10), grown("calm.py", 50, 5), grown("deep.py", 60, 40), grown("near.py", 250, 9)]
    assert [file.path for file in complexity.chosen(files)] == ["busy.py", "deep.py", "near.py"]
    assert [file.path for file in complexity.chosen(files[:2])] == ["busy.py"]


def test_nothing_is_chosen_where_nothing_churned_and_grew_enough() -> None:
    few = [grown("simpler.py", 900, -3), grown("small.py", 39, 20), grown("straight.py", 900, 3)]
    assert complexity.chosen(few) == complexity.chosen([]) == []
