"""Where the changes of two sides meet, and each place as a side has it."""

from __future__ import annotations

from server.reading import three_sides
from server.reading.rows import NO_END
from server.reading.three_sides import Region, Span, Step

BASE = [b"a\n", b"b\n", b"c\n", b"d\n"]


def regions(target: list[Step], change: list[Step], ours: list[bytes], theirs: list[bytes]) -> list[Region]:
    return three_sides.regions(target, change, ours, theirs)


def test_steps_are_the_runs_of_a_diff() -> None:
    diff = b"@@ -1,3 +1,4 @@\n a\n-b\n+B\n+b\n c\n@@ -7,2 +8,1 @@\n g\n-h\n"
    assert three_sides.steps(diff) == [Step(1, 1, 1, 2), Step(7, 1, 8, 0)]
    assert three_sides.steps(b"@@ -0,0 +1,2 @@\n+a\n+b\n") == [Step(0, 0, 0, 2)]
    assert three_sides.steps(b"") == []


def test_changes_of_the_same_line_meet() -> None:
    step = [Step(1, 1, 1, 1)]
    found = regions(step, step, [b"a\n", b"X\n", b"c\n"], [b"a\n", b"Y\n", b"c\n"])
    assert found == [Region(Span(1, 2), Span(1, 2), Span(1, 2))]


def test_changes_that_touch_meet_and_those_with_a_line_between_do_not() -> None:
    ours, theirs = [b"X\n", b"b\n", b"c\n", b"d\n"], [b"a\n", b"Y\n", b"c\n", b"d\n"]
    assert regions([Step(0, 1, 0, 1)], [Step(1, 1, 1, 1)], ours, theirs) == [Region(Span(0, 2), Span(0, 2), Span(0, 2))]
    further = [b"a\n", b"b\n", b"Y\n", b"d\n"]
    assert regions([Step(0, 1, 0, 1)], [Step(2, 1, 2, 1)], ours, further) == []


def test_the_same_change_on_both_sides_is_none() -> None:
    step, same = [Step(1, 1, 1, 1)], [b"a\n", b"X\n", b"c\n"]
    assert regions(step, step, same, same) == []
    assert regions([], step, BASE, same) == []


def test_one_side_that_has_nothing_there() -> None:
    found = regions([Step(1, 1, 1, 0)], [Step(1, 1, 1, 2)], [b"a\n", b"c\n"], [b"a\n", b"X\n", b"Y\n", b"c\n"])
    assert found == [Region(Span(1, 2), Span(1, 1), Span(1, 3))]


def test_numbers_go_on_behind_what_moved_them() -> None:
    """Three lines came above on the target: the place is further down there."""
    target, change = [Step(0, 0, 0, 3), Step(2, 1, 5, 1)], [Step(2, 1, 2, 1)]
    ours = [b"1\n", b"2\n", b"3\n", b"a\n", b"b\n", b"X\n", b"d\n"]
    assert regions(target, change, ours, [b"a\n", b"b\n", b"Y\n", b"d\n"]) == [
        Region(Span(2, 3), Span(5, 6), Span(2, 3))
    ]


def test_files_that_only_two_sides_have_differ_in_pairs() -> None:
    assert three_sides.pairs([Step(1, 1, 1, 2)]) == [(Span(1, 2), Span(1, 3))]


def test_a_column_shows_lines_around_and_marks_its_own() -> None:
    texts = [f"line {n}" for n in range(1, 12)]
    html = three_sides.column(Span(5, 7), texts, [], {5}, sign="a")
    assert html.count('<div class="r ') == 8
    assert '<div class="r a meets" data-n="6">line 6</div' in html
    assert '<div class="r s meets" data-n="7">line 7</div' in html
    assert '<div class="r s" data-n="3">line 3</div' in html
    assert 'data-n="2"' not in html
    assert three_sides.column(Span(0, 0), [], [], (), sign="a") == ""


def test_a_column_hides_nothing_and_breaks_out_of_nothing() -> None:
    html = three_sides.column(Span(0, 2), ["<b>\u202e", "x" * 5000], ["", ""], {0, 1}, sign="d", ends=False)
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "U+202E" in html
    assert 'data-o="1"' in html
    assert "<details" in html, "what is very long is folded"
    assert NO_END in html
