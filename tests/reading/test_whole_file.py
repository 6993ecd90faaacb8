"""A file's rows with the lines that a diff leaves out."""

from __future__ import annotations

from difflib import unified_diff

from hypothesis import given
from hypothesis import strategies as st

from server.reading import rows, whole_file
from server.reading.rows import RowKind
from server.reading.whole_file import Lines

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=40)


@given(old=TEXTS, new=TEXTS, context=st.integers(0, 3))
def test_both_sides_are_there_in_full(old: list[str], new: list[str], context: int) -> None:
    diff = "\n".join(unified_diff(old, new, n=context, lineterm="")) + "\n"
    filled = whole_file.fill(rows.parse(diff.encode()), Lines(new, end=True))
    shown = [row for row in filled if row.kind is not RowKind.HUNK]
    assert [(row.new, row.text) for row in shown if row.new] == list(enumerate(new, 1))
    if old != new:
        assert [(row.old, row.text) for row in shown if row.old] == list(enumerate(old, 1))


def test_headings_stand_where_the_changes_begin() -> None:
    diff = b"@@ -3,2 +3,2 @@ f\n c\n-d\n+D\n@@ -7 +7,0 @@ g\n-g\n"
    found = whole_file.fill(rows.parse(diff), Lines(["a", "b", "c", "D", "e", "f", "h"], end=True))
    assert [row.text for row in found] == ["a", "b", "f", "c", "d", "D", "e", "f", "g", "g", "h"]


def test_a_last_line_without_its_end() -> None:
    found = whole_file.fill(rows.parse(b"@@ -1 +1 @@\n-a\n+A\n"), Lines(["A", "b"], end=False))
    assert [row.ends for row in found[1:]] == [True, True, False]
