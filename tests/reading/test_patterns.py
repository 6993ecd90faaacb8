"""The same edit in many places is one pattern; whatever differs from it is no part of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from server.domain.review import Side
from server.reading import patterns, rows
from server.reading.patterns import Edit
from server.reading.rows import Row, RowKind

Blocks = Sequence[tuple[str, str]]


def a_file(*blocks: tuple[str, str]) -> list[Row]:
    """A file's rows: of each block the lines that go, and those that come for them."""
    pieces, old, new = [], 1, 1
    for gone, come in blocks:
        removed, added = ([line for line in side.split("\n") if side] for side in (gone, come))
        pieces.append(f"@@ -{old},{len(removed) + 1} +{new},{len(added) + 1} @@\n between\n")
        pieces += [f"-{line}\n" for line in removed] + [f"+{line}\n" for line in added]
        old, new = old + len(removed) + 5, new + len(added) + 5
    return rows.parse("".join(pieces).encode())


def found(*files: list[Row]) -> patterns.Found:
    made = patterns.find(files, seconds=60)
    assert made is not None
    return made


def texts(files: Sequence[list[Row]], edits: Sequence[Edit]) -> list[list[str]]:
    return [[files[edit.file][place].text for place in edit.places] for edit in edits]


def test_a_renamed_call_is_one_edit_whatever_stands_around_it() -> None:
    one = a_file(("x = fetch(a)", "x = load(a)"), ("    if fetch(1):", "    if load(1):"))
    two = a_file(("\t\treturn fetch(fetch(z))", "\t\treturn load(load(z))"))
    made = found(one, two)
    [pattern] = made.patterns
    assert [(edit.file, edit.line((one, two)[edit.file])[1]) for edit in pattern.edits] == [(0, 2), (0, 8), (1, 2)]
    assert (made.others, pattern.exceptions, made.wholly()) == ([], [], {0, 1})


def test_what_stands_between_two_changed_pieces_may_be_anything() -> None:
    blocks = [
        (f"self.assertEqual({left}, {right})", f"assert {left} == {right}")
        for left, right in (("a", "1"), ("f(x)", "[1, 2]"), ("self.b", "c"))
    ]
    assert [len(pattern.edits) for pattern in found(a_file(*blocks)).patterns] == [3]


def test_words_that_are_only_moved_may_be_any() -> None:
    swapped = [(f"swap({one}, {other})", f"swap({other}, {one})") for one, other in ("ab", "xy", "q1")]
    assert [len(pattern.edits) for pattern in found(a_file(*swapped)).patterns] == [3]


def test_another_word_is_another_edit() -> None:
    """One that the agent slipped in among many alike."""
    alike = [(f"limit({n})", f"bound({n})") for n in range(5)]
    file = a_file(*alike, ("limit(9)", "unbound(9)"))
    made = found(file)
    [pattern] = made.patterns
    assert texts([file], pattern.exceptions) == [["limit(9)", "unbound(9)"]]
    assert made.wholly() == set()
    assert made.beside() == pattern.exceptions


def test_one_that_changes_more_than_the_others_is_an_exception() -> None:
    alike = [(f"limit({n})", f"bound({n})") for n in range(5)]
    file = a_file(*alike, ("limit(9)", "bound(10)"))
    [pattern] = found(file).patterns
    assert texts([file], pattern.exceptions) == [["limit(9)", "bound(10)"]]


def test_an_exception_is_found_in_another_file_too() -> None:
    one, two = a_file(*[(f"limit({n})", f"bound({n})") for n in range(3)]), a_file(("", "limit(4)"), ("", "other"))
    made = found(one, two)
    [pattern] = made.patterns
    assert texts([one, two], pattern.exceptions) == [["limit(4)"]]
    assert made.beside() == []  # nothing of the pattern is in that file
    assert made.wholly() == {0}


def test_lines_of_one_block_are_taken_apart_where_they_are_edits_of_their_own() -> None:
    block = ("old.a(1)\nold.b(2)\nkeep = 1", "new.a(1)\nnew.b(2)\nkeep = 2")
    file = a_file(block, ("old.c(3)", "new.c(3)"))
    made = found(file)
    assert [len(pattern.edits) for pattern in made.patterns] == [3]
    assert texts([file], made.others) == [["keep = 1", "keep = 2"]]


def test_lines_that_nothing_repeats_stay_together() -> None:
    file = a_file(("one\ntwo", "three\nfour"))
    assert texts([file], found(file).others) == [["one", "two", "three", "four"]]


def test_an_edit_of_several_lines_is_one_edit() -> None:
    blocks = [(f"log(x{n})\nraise Old({n})", f"report(x{n})\nraise New({n})") for n in range(3)]
    [pattern] = found(a_file(*blocks)).patterns
    assert [edit.size for edit in pattern.edits] == [4, 4, 4]


def test_a_line_that_is_added_everywhere_is_an_edit() -> None:
    files = [a_file(("", "from __future__ import annotations")) for _ in range(3)]
    [pattern] = found(*files).patterns
    assert [edit.line(files[edit.file]) for edit in pattern.edits] == [(Side.NEW, 2)] * 3


def test_lines_that_go_everywhere_are_an_edit() -> None:
    files = [a_file(("        import six  # old", "")) for _ in range(3)]
    [pattern] = found(*files).patterns
    assert pattern.edits[0].line(files[0]) == (Side.OLD, 2)


@pytest.mark.parametrize("trifle", [("", "}"), ("}", ""), ("", " ")])
def test_a_brace_or_an_empty_line_is_no_pattern(trifle: tuple[str, str]) -> None:
    made = found(a_file(*[trifle] * 4))
    assert (made.patterns, len(made.others)) == ([], 4)


def test_deeper_indentation_is_the_same_edit_wherever_it_begins() -> None:
    blocks = [(f"{' ' * n}do({n})", f"{' ' * (n + 4)}do({n})") for n in (0, 2, 8)]
    made = found(a_file(*blocks, ("x", "     x")))
    assert ([len(pattern.edits) for pattern in made.patterns], len(made.others)) == ([3], 1)


def test_signs_are_edits_where_a_line_stays() -> None:
    blocks = [(f"say('{n}')", f'say("{n}")') for n in range(3)]
    assert [len(pattern.edits) for pattern in found(a_file(*blocks)).patterns] == [3]


def test_a_missing_line_end_is_another_edit() -> None:
    files = [a_file((f"old({n})", f"new({n})")) for n in range(4)]
    cut = files[3][-1]
    files[3][-1] = Row(cut.kind, cut.old, cut.new, cut.text, ends=False)
    made = found(*files)
    assert [len(pattern.edits) for pattern in made.patterns] == [3]
    assert [edit.file for edit in made.others] == [3]


def test_of_a_pattern_one_place_is_to_be_read() -> None:
    file = a_file(*[(f"limit({n})", f"bound({n})") for n in range(5)], ("one", "two"))
    assert [file[place].text for place in sorted(patterns.repeated([file])[0])] == [
        f"{word}({n})" for n in range(1, 5) for word in ("limit", "bound")
    ]
    assert patterns.repeated([file], seconds=-1) == [set()]


def test_it_takes_no_longer_than_it_may() -> None:
    assert patterns.find([a_file(("one", "two"))], seconds=-1) is None


def test_lines_without_end_are_compared_as_they_are() -> None:
    endless = [("a, " * 2000 + str(n), "b, " * 2000 + str(n)) for n in (1, 1, 1, 2)]
    assert [len(pattern.edits) for pattern in found(a_file(*endless)).patterns] == [3]


@pytest.mark.parametrize("seed", range(40))
def test_each_changed_row_is_in_one_edit(seed: int) -> None:
    """What is shown of patterns and of the rest is what git shows."""
    dice = random.Random(seed)
    words = ["old", "new", "foo(", ")", "bar", " ", "  ", "= 1", "é", "\t", ""]

    def side() -> str:
        return "\n".join("".join(dice.choices(words, k=dice.randrange(5))) or "x" for _ in range(dice.randrange(4)))

    files = [a_file(*[(side(), side() or "y") for _ in range(dice.randrange(1, 12))]) for _ in range(6)]
    made = found(*files)
    edits = [*made.others, *(edit for pattern in made.patterns for edit in pattern.edits)]
    shown = sorted((edit.file, place) for edit in edits for place in edit.places)
    changed = (RowKind.ADDED, RowKind.REMOVED)
    assert shown == [(n, at) for n, own in enumerate(files) for at, row in enumerate(own) if row.kind in changed]
    assert all(own[at].kind is RowKind.REMOVED for edit in edits for own in [files[edit.file]] for at in edit.removed)
    assert all(len(pattern.edits) >= patterns.LEAST for pattern in made.patterns)
    assert not made.wholly() & {edit.file for edit in made.others}


@pytest.mark.parametrize("seed", range(20))
def test_two_edits_of_a_pattern_put_the_same_words_in_place_of_the_same(seed: int) -> None:
    """Played back: what a pattern does to its first place, done to another one's old line, gives its new line."""
    dice = random.Random(seed)
    names = ["fetch", "load", "read", "q", "zz"]
    blocks = []
    for _ in range(30):
        old, new, argument = dice.choice(names), dice.choice(names), dice.choice("abcdef")
        blocks.append((f"x = {old}({argument}, 1)", f"x = {new}({argument}, 1)"))
    file = a_file(*[(gone, come) for gone, come in blocks if gone != come])
    for pattern in found(file).patterns:
        pairs = {tuple(file[at].text.split("(")[0] for at in edit.places) for edit in pattern.edits}
        assert len(pairs) == 1
