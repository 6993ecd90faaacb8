"""A piece of `git diff` as rows, and the rows as HTML."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import rows
from server.reading.rows import Row, RowKind

HEAD = b"diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"


def test_lines_are_numbered_on_both_sides() -> None:
    diff = HEAD + b"@@ -1,3 +1,3 @@ def f():\n one\n-two\n+2\n three\n@@ -9 +9,2 @@\n nine\n+ten\n"
    assert rows.parse(diff) == [
        Row(RowKind.HUNK, 1, 1, "def f():"),
        Row(RowKind.SAME, 1, 1, "one"),
        Row(RowKind.REMOVED, 2, None, "two"),
        Row(RowKind.ADDED, None, 2, "2"),
        Row(RowKind.SAME, 3, 3, "three"),
        Row(RowKind.HUNK, 9, 9, ""),
        Row(RowKind.SAME, 9, 9, "nine"),
        Row(RowKind.ADDED, None, 10, "ten"),
    ]


def test_content_that_looks_like_a_diff_stays_content() -> None:
    diff = HEAD + b"@@ -1,2 +1,2 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+diff --git a b\n"
    assert [row.text for row in rows.parse(diff)[1:]] == ["-- a/x", "@@ -1 +1 @@", "++ b/x", "diff --git a b"]


def test_a_missing_line_end_belongs_to_its_line() -> None:
    no_end = b"\\ No newline at end of file\n"
    diff = HEAD + b"@@ -1 +1 @@\n-one\n" + no_end + b"+two\n" + no_end
    assert [(row.text, row.ends) for row in rows.parse(diff)[1:]] == [("one", False), ("two", False)]
    assert "no line end" in rows.html(rows.parse(diff))


@pytest.mark.parametrize("diff", [b"", HEAD, b"diff --git a/f b/f\nGIT binary patch\nliteral 3\nKcmZ\n\n"])
def test_no_rows_where_git_shows_no_lines(diff: bytes) -> None:
    assert rows.parse(diff) == []


def test_whatever_a_line_holds_is_text() -> None:
    hostile = '<script>alert(1)</script> <b hx-get="/x" data-hx-get=/y onclick=z>&amp;\u202e\x00\r'
    html = rows.html([Row(RowKind.ADDED, None, 1, hostile)])
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "table", "colgroup", "col", "tbody", "tr", "td", "span"}
    assert "&lt;script&gt;" in html
    assert "U+202E" in html
    assert "^@" in html
    assert "^M" in html


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    html = rows.html([Row(RowKind.SAME, 1, 1, text), Row(RowKind.HUNK, 1, 1, text)])
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "table", "colgroup", "col", "tbody", "tr", "td", "span"}


def test_colours_are_taken_from_the_whole_file_by_number() -> None:
    same, removed = Row(RowKind.SAME, 2, 1, "x"), Row(RowKind.REMOVED, 1, None, "y")
    html = rows.html([removed, same], old=["<i>old 1</i>", "<i>old 2</i>"], new=["<i>new 1</i>"])
    assert "<i>old 1</i>" in html
    assert "<i>new 1</i>" in html
    assert "old 2" not in html
    assert ">y<" not in html


def test_what_was_said_stands_below_its_line() -> None:
    shown = rows.html(
        [Row(RowKind.REMOVED, 1, None, "a"), Row(RowKind.ADDED, None, 1, "b")],
        below={("new", 1): "<p>new</p>", ("old", 1): "<p>old</p>"},
    )
    assert re.findall(r">(a|b|old|new)<", shown) == ["a", "old", "b", "new"]


def test_many_rows_come_in_chunks() -> None:
    many = [Row(RowKind.ADDED, None, n, f"line {n}") for n in range(1, 502)]
    html = rows.html(many)
    assert html.count("<table") == 3
    assert html.count("chunk whole") == 2
    assert html.count("<tr ") == 501


def test_a_huge_line_and_many_lines_are_quick() -> None:
    started = time.monotonic()
    assert len(rows.html([Row(RowKind.ADDED, None, 1, "x" * 2_000_000)])) > 2_000_000
    diff = HEAD + b"@@ -0,0 +1,50000 @@\n" + b"+some line of code here\n" * 50_000
    assert rows.html(rows.parse(diff)).count("<tr ") == 50_001
    assert time.monotonic() - started < 5


def test_bytes_that_are_no_utf8_are_told_apart() -> None:
    """Two lines of Latin-1 that differ in an accent must not look the same."""
    made = rows.html(rows.parse(HEAD + b"@@ -1 +1 @@\n-caf\xe8\n+caf\xe9\n"))
    assert 'caf<span class="unseen" title="a byte that is no UTF-8">\\xE8</span>' in made
    assert 'caf<span class="unseen" title="a byte that is no UTF-8">\\xE9</span>' in made
    made.encode("utf-8")
