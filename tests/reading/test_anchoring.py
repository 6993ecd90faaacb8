"""A comment follows its lines, or says that they are gone."""

from __future__ import annotations

import pytest

from server.domain.review import Fit
from server.reading import alignment
from server.reading.alignment import Same, align
from server.reading.anchoring import Placed, place, place_among
from tests.bench.anchoring import Score
from tests.bench.edits import KINDS, cases, real_files
from tests.support.speed import spent, yardstick

CODE = """\
import re

UNITS = {"s": 1, "m": 60, "h": 3600}

def parse(text):
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * UNITS[match[2]]

def show(seconds):
    return f"{seconds} s"

def compare(one, other):
    return parse(one) - parse(other)
""".splitlines()
MATCH, UNITS, LAST = 6, 3, 9
FILES = real_files(("starlette", "uvicorn", "alembic"))


def changed(*edits: tuple[int, int, list[str]]) -> list[str]:
    """The code with lines `first` to `last` (from 1) of it replaced."""
    lines = list(CODE)
    for first, last, instead in sorted(edits, reverse=True):
        lines[first - 1 : last] = instead
    return lines


def test_what_is_left_alone_stays_exactly_where_it_was() -> None:
    assert place(CODE, changed((15, 15, ["    return 0"])), MATCH, LAST) == Placed(MATCH, LAST, Fit.EXACT)
    assert place(CODE, ["# a line", *CODE], MATCH, LAST) == Placed(MATCH + 1, LAST + 1, Fit.SHIFTED)
    assert place(CODE, CODE, 1, len(CODE)) == Placed(1, len(CODE), Fit.EXACT)


def test_an_edited_line_is_found_in_its_place() -> None:
    edited = changed((MATCH, MATCH, ['    match = PATTERN.fullmatch(text.strip(), "")']))
    assert place(CODE, edited, MATCH, MATCH) == Placed(MATCH, MATCH, Fit.EDITED)
    assert place(CODE, ["", "", *edited], MATCH, LAST) == Placed(MATCH + 2, LAST + 2, Fit.EDITED)


def test_a_line_wrapped_or_split_is_found_with_all_that_it_became() -> None:
    wrapped = changed((MATCH, LAST, ["    if text:", *(f"    {line}" for line in CODE[MATCH - 1 : LAST])]))
    assert place(CODE, wrapped, MATCH, LAST) == Placed(MATCH + 1, LAST + 1, Fit.EDITED)
    split = changed((MATCH, MATCH, ["    match = re.fullmatch(", '        r"([0-9]+)([smh])",', "        text)"]))
    assert place(CODE, split, MATCH, MATCH) == Placed(MATCH, MATCH + 2, Fit.EDITED)


def test_a_block_that_moved_is_followed_within_its_file_and_into_another() -> None:
    moved = ["def show(seconds):", '    return f"{seconds} s"', "", *changed((11, 13, []))]
    assert place(CODE, moved, 12, 12) == Placed(2, 2, Fit.MOVED)

    block = CODE[4:9]
    rest = changed((5, 10, []))
    assert place(CODE, rest, MATCH, MATCH).fit is Fit.GONE
    other = ["# Helpers", "", *block]
    files = {"notes.txt": (["nothing", "of the kind"], []), "helpers.py": (other, [Same(0, 0, 1)])}
    assert place_among(CODE, MATCH, MATCH, files) == ("helpers.py", Placed(4, 4, Fit.MOVED))
    assert place_among(CODE, MATCH, MATCH, {"same.py": (other, [Same(0, 0, len(other))])}) is None, "not new there"
    twice: dict[str, tuple[list[str], list[Same]]] = {"a.py": (other, []), "b.py": (other, [])}
    assert place_among(CODE, MATCH, MATCH, twice) is None, "nothing says which of the two"


def test_what_was_deleted_is_said_to_be_gone_and_where_it_would_be() -> None:
    without = changed((UNITS, UNITS, []))
    assert place(CODE, without, UNITS, UNITS) == Placed(UNITS, UNITS, Fit.GONE)
    strange = changed((UNITS, UNITS, ["    <p>A paragraph of something else.</p>"]))
    assert place(CODE, strange, UNITS, UNITS).fit is Fit.GONE
    assert place(CODE, [], LAST, LAST) == Placed(1, 1, Fit.GONE)


def test_a_short_line_is_not_looked_for_everywhere() -> None:
    old = ["first", "{", "second"]
    assert place(old, ["something", "else", "entirely", "{", "is here"], 2, 2).fit in (Fit.GONE, Fit.SHIFTED)
    assert place_among(old, 2, 2, {"a": (["{", "{"], [])}) is None


def test_a_long_range_is_found_by_its_ends() -> None:
    old = [f"    value_{n} = compute({n})" for n in range(40)]
    new = ["# moved down", *old]
    new[11] = "    value_ten = compute(10, 10)"
    new[31] = "    value_thirty = compute(30, 30)"
    assert place(old, new, 11, 31) == Placed(12, 32, Fit.EDITED)
    half = place(old, new[:20], 11, 31)
    assert half.line == 12
    assert half.fit in (Fit.EDITED, Fit.MOVED)
    assert place(old, ["nothing"], 11, 31).fit is Fit.GONE


@pytest.mark.parametrize("kind", KINDS)
def test_made_up_edits_of_real_code_are_followed(kind: str) -> None:
    """A small part of `python -m tests.bench.anchoring`, with a little more luck allowed for."""
    score = Score()
    for case in cases(kind, 40, FILES, seed=3):
        score.count(case, align(case.old, case.new))
    if kind == "deleted":
        assert score.gone >= 38, score
    elif kind == "untouched":
        assert score.exact == 40, score
    else:
        assert score.near >= 28, score
        assert score.wrong <= 2, score


def test_a_large_file_takes_no_time() -> None:
    old = [f"    line_{n} = {n * 7919 % 1000}" for n in range(5000)]
    new = [*old[2600:3000], *old[:2600], "    line_again", *old[3001:]]
    assert place(old, new, 3001, 3001).fit in (Fit.GONE, Fit.EDITED)
    assert spent(lambda: place(old, new, 3001, 3001)) < 8 * yardstick()


def test_runs_are_read_from_a_patch() -> None:
    patch = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -2,3 +2,4 @@ f\n a\n-b\n+B\n+BB\n c\n@@ -9 +9,0 @@\n-z\n"
    assert alignment.of_patch(patch, 10) == [Same(0, 0, 2), Same(3, 4, 5), Same(9, 9, 1)]
    assert alignment.of_patch(b"@@ -0,0 +1,2 @@\n+a\n+b\n", 0) == []
    assert alignment.of_patch(b"old mode 100644\nnew mode 100755\n", 3) == [Same(0, 0, 3)]


def test_lines_that_stay_are_found_around_those_that_are_there_once() -> None:
    old, new = list("aXbXcYd"), list("aXcYbXe")
    for same in align(old, new):
        assert old[same.old : same.old + same.size] == new[same.new : same.new + same.size]
    assert align(list("abc"), list("abc")) == [Same(0, 0, 3)]
    assert align([], ["a"]) == []
    assert align(["}", "x", "}"], ["}", "}", "y", "}"]) in (
        [Same(0, 0, 1), Same(2, 3, 1)],
        [Same(0, 0, 1), Same(2, 1, 1)],
    )
