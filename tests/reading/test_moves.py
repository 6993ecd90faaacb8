"""Blocks that were moved within a change."""

from __future__ import annotations

from server.reading import moves, rows
from server.reading.moves import Move
from server.reading.rows import Row, RowKind
from tests.support.speed import spent, yardstick

BLOCK = ["def total(values):", "    found = sum(values)", "", "    return found / len(values)"]


def removed(lines: list[str], first: int = 1) -> list[Row]:
    return [Row(RowKind.REMOVED, n, None, text) for n, text in enumerate(lines, first)]


def added(lines: list[str], first: int = 1) -> list[Row]:
    return [Row(RowKind.ADDED, None, n, text) for n, text in enumerate(lines, first)]


def test_a_block_that_went_to_another_file_is_told_at_both_ends() -> None:
    here, there = moves.find([removed(["x = 1", *BLOCK], 10), added([*BLOCK, "y = 2"], 30)])
    assert here == {n + 1: Move(1, 30 + n, n == 0, False) for n in range(4)}
    assert there == {n: Move(0, 11 + n, n == 0, False) for n in range(4)}
    assert moves.labels(there, ["old.py", "new.py"]) == {0: "old.py:11", 1: "", 2: "", 3: ""}
    assert moves.labels(here, ["old.py", "new.py"])[1] == "new.py:30"


def test_a_block_that_is_indented_anew_says_so() -> None:
    deeper = [f"    {line}" if line else "" for line in BLOCK]
    [found] = moves.find([[*removed(BLOCK), Row(RowKind.SAME, 9, 5, "class A:"), *added(deeper, 6)]])
    assert found[5] == Move(0, 1, True, True)
    assert moves.labels(found, ["a.py"])[0] == "a.py:6, indented anew"
    [found] = moves.find([[*removed(deeper), *added(BLOCK)]])
    assert found[0].indented


def test_lines_that_are_indented_unevenly_may_mean_something_else() -> None:
    loop = ["for one in values:", "    total(one)", "    print(one)", "    save(one)"]
    other = [*loop[:3], "save(one)"]
    [found] = moves.find([[*removed(loop), *added(other)]])
    assert sorted(found) == [0, 1, 2, 4, 5, 6]
    assert moves.find([[*removed(loop), *added([loop[0], "        total(one)", *loop[2:]])]]) == [{}]


def test_short_or_empty_blocks_are_none() -> None:
    for lines in (BLOCK[:2], ["}", "}", "", "}", "]"] * 20, ["", "", "", ""], ["a", "b", "c"]):
        assert moves.find([removed(lines), added(lines)]) == [{}, {}]


def test_another_line_end_is_another_line() -> None:
    here, there = removed(BLOCK[:3] * 2), added([f"{line}\r" for line in BLOCK[:3] * 2])
    assert moves.find([here, there]) == [{}, {}]


def test_what_is_there_twice_is_told_of_twice() -> None:
    twice = [*removed(BLOCK), Row(RowKind.HUNK, 20, 20, ""), *removed(BLOCK, 20)]
    gone, come = moves.find([twice, [*added(BLOCK), Row(RowKind.HUNK, 40, 40, ""), *added(BLOCK, 40)]])
    assert [come[place].line for place in (0, 5)] == [1, 20]
    assert [gone[place].line for place in (0, 5)] == [1, 40]


def test_a_block_ends_where_the_lines_differ() -> None:
    here, there = moves.find([removed([*BLOCK, "a = 1"]), added([*BLOCK, "a = 2"])])
    assert len(here) == len(there) == 4


def test_it_is_quick_whatever_the_lines_are() -> None:
    many = [f"    value_{n} = call({n})" for n in range(60_000)]
    same = ["}"] * 30_000 + ["a line of some length"] * 30_000

    def find() -> None:
        here, there = moves.find([removed(many), added(many)])
        assert len(here) == len(there) == 60_000
        moves.find([removed(same), added(same[::-1])])
        moves.find([removed(["x", "", ""] * 20_000), added(["x", "", "", "y"] * 15_000)])

    assert spent(find, times=1) < 500 * yardstick()


def test_rows_of_git_can_be_looked_at() -> None:
    gone = b"@@ -1,4 +1 @@\n-def total(values):\n-    found = sum(values)\n-    return found\n one\n"
    come = b"@@ -9 +6,4 @@\n two\n+def total(values):\n+    found = sum(values)\n+    return found\n"
    parsed = rows.parse(gone + come)
    [found] = moves.find([parsed])
    assert sorted(found) == [1, 2, 3, 7, 8, 9]
    assert "moved" in rows.html(parsed, moved=moves.labels(found, ["a.py"]))[0]
