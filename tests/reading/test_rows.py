"""A piece of `git diff` as rows, the rows as HTML, and back."""

from __future__ import annotations

import re
from html import escape
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.diff import View
from server.reading import rows, words
from server.reading.rows import Row, RowKind
from tests.support.speed import spent, yardstick

HEAD = b"diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"
NO_END = b"\\ No newline at end of file\n"
SAME, ADDED, REMOVED = RowKind.SAME, RowKind.ADDED, RowKind.REMOVED


def whole(diff: bytes, view: View = View.UNIFIED) -> str:
    return "\n".join(rows.html(rows.parse(diff), view=view))


def test_lines_are_numbered_on_both_sides() -> None:
    diff = HEAD + b"@@ -1,3 +1,3 @@ def f():\n one\n-two\n+2\n three\n@@ -9 +9,2 @@\n nine\n+ten\n"
    assert rows.parse(diff) == [
        Row(RowKind.HUNK, 1, 1, "def f():"),
        Row(SAME, 1, 1, "one"),
        Row(REMOVED, 2, None, "two"),
        Row(ADDED, None, 2, "2"),
        Row(SAME, 3, 3, "three"),
        Row(RowKind.HUNK, 9, 9, ""),
        Row(SAME, 9, 9, "nine"),
        Row(ADDED, None, 10, "ten"),
    ]


def test_content_that_looks_like_a_diff_stays_content() -> None:
    diff = HEAD + b"@@ -1,2 +1,2 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+diff --git a b\n"
    assert [row.text for row in rows.parse(diff)[1:]] == ["-- a/x", "@@ -1 +1 @@", "++ b/x", "diff --git a b"]


def test_a_missing_line_end_belongs_to_its_line() -> None:
    diff = HEAD + b"@@ -1 +1 @@\n-one\n" + NO_END + b"+two\n" + NO_END
    assert [(row.text, row.ends) for row in rows.parse(diff)[1:]] == [("one", False), ("two", False)]
    assert whole(diff).count('<i class="end"></i>') == 2


@pytest.mark.parametrize("diff", [b"", HEAD, b"diff --git a/f b/f\nGIT binary patch\nliteral 3\nKcmZ\n\n"])
def test_no_rows_where_git_shows_no_lines(diff: bytes) -> None:
    assert rows.parse(diff) == []
    assert rows.html([]) == []


def test_each_row_is_a_line_of_the_html() -> None:
    assert whole(HEAD + b"@@ -8,2 +8,2 @@ f()\n a\n-b\n+c\n").split("\n") == [
        '<div class="chunk t0 u4 no-3">',
        '<div class="r h" data-o="8" data-n="8" data-up="7" data-gap="7" tabindex="-1">f()</div>',
        '<div class="r s" data-o="8" data-n="8">a</div>',
        '<div class="r d" data-o="9">b</div>',
        '<div class="r a" data-n="9">c</div>',
        "</div>",
    ]


@pytest.mark.parametrize("view", View)
def test_whatever_a_line_holds_is_text(view: View) -> None:
    hostile = '<script>alert(1)</script></div> <b hx-get="/x" data-n="7" onclick=z>&amp;\u202e\x00\r'
    [html] = rows.html([Row(ADDED, None, 1, hostile), Row(RowKind.HUNK, 1, 1, hostile)], view=view)
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "span"}
    assert "&lt;script&gt;" in html
    assert "U+202E" in html
    assert "^@" in html
    assert "^M" in html
    assert rows.below([html], {("new", 7): "no row"}) == ([html], [("new", 7)])


@given(st.text(), st.sampled_from(View))
def test_no_text_becomes_markup(text: str, view: View) -> None:
    html = "".join(rows.html([Row(SAME, 1, 1, text), Row(RowKind.HUNK, 1, 1, text)], view=view, moved={0: text}))
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "span", "i", "details", "summary"}


def test_colours_are_taken_from_the_whole_file_by_number() -> None:
    same, removed = Row(SAME, 2, 1, "x"), Row(REMOVED, 1, None, "y")
    [html] = rows.html([removed, same], old=["<i>old 1</i>", "<i>old 2</i>"], new=["<i>new 1</i>"])
    assert "<i>old 1</i>" in html
    assert "<i>new 1</i>" in html
    assert "old 2" not in html
    assert ">y<" not in html


def test_many_rows_come_in_chunks_that_tell_their_height() -> None:
    many = [Row(ADDED, None, n, f"line {n}") for n in range(1, 1102)]
    first, *_, last = rows.html(many)
    assert first.startswith('<div class="chunk t20 u0 no-4">\n')
    assert last.startswith('<div class="chunk t10 u1 no-4">\n')
    assert sum(chunk.count('class="r ') for chunk in rows.html(many)) == 1101


def test_hidden_lines_are_counted() -> None:
    diff = b"@@ -11,2 +11,3 @@\n+x\n a\n b\n@@ -30,0 +32 @@\n+new\n@@ -40,3 +42 @@\n-c\n-d\n e\n"
    html = "\n".join(rows.html(rows.parse(diff), length=50))
    assert re.findall(r'data-n="(\d+)" data-up="(\d+)" data-gap="(\d+)"', html) == [
        ("11", "10", "10"),
        ("32", "18", "18"),
        ("42", "9", "9"),
        ("43", "8", "8"),
    ]
    assert "tail" not in "".join(rows.html(rows.parse(diff)))


def test_rows_around_a_hunk_have_the_numbers_of_both_sides() -> None:
    assert rows.context(7, 9, ["<i class=tk>if</i>", ""]) == (
        '<div class="r s" data-o="7" data-n="9"><i class=tk>if</i></div>\n'
        '<div class="r s" data-o="8" data-n="10"></div>'
    )
    assert rows.context(7, 9, ["x"], View.SPLIT) == (
        '<div class="p"><div class="r s" data-o="7">x</div><div class="r s" data-n="9">x</div></div>'
    )


@pytest.mark.parametrize("view", View)
def test_what_was_said_stands_below_its_line(view: View) -> None:
    diff = b"@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
    chunks = rows.html(rows.parse(diff), view=view)
    talk = {("new", 1): "<p>b</p>", ("old", 1): "<p>a</p>", ("old", 2): "<p>c\nc</p>", ("new", 2): "d", ("new", 8): "e"}
    [shown], left = rows.below(chunks, talk)
    assert left == [("new", 8)]
    assert rows.lines_of_html(shown) == rows.parse(diff)
    assert '\n<div class="talk"><p>c\nc</p></div>\n<div class="talk">d</div>\n</div>' in shown
    before, _, after = shown.partition('<div class="talk"><p>b</p></div>\n')
    assert before.endswith('data-n="1">b</div></div>\n' if view is View.SPLIT else 'data-n="1">b</div>\n')
    assert "<p>a</p>" in (after if view is View.SPLIT else before)


def test_what_was_said_is_not_looked_for_in_what_was_said() -> None:
    chunks = rows.html(rows.parse(b"@@ -1,2 +1,2 @@\n-a\n+b\n c\n"))
    talk = {("new", 1): '\n<div class="r a" data-n="2">a suggestion</div>\n', ("new", 2): "two"}
    [shown], _ = rows.below(chunks, talk)
    assert shown.endswith('data-n="2">c</div>\n<div class="talk">two</div>\n</div>')


def test_a_moved_block_names_the_other_place_once() -> None:
    added = [Row(ADDED, None, n, f"line {n}") for n in (1, 2)]
    [html] = rows.html(added, moved={0: 'a"b.py:7', 1: ""}, changed={1: [(0, 4)]})
    assert html.split("\n")[1:3] == [
        '<div class="r a m" data-n="1" data-m="a&quot;b.py:7">line 1<i class="moved" data-m="a&quot;b.py:7"></i></div>',
        '<div class="r a m" data-n="2">line 2</div>',
    ]


def test_a_very_long_line_is_folded_around_what_changed_in_it() -> None:
    old = "x" * 30_000 + "<b>" + "y" * 30_000
    new = old.replace("<b>", "<i>")
    both = [Row(REMOVED, 1, None, old), Row(ADDED, None, 1, new)]
    [html] = rows.html(both, changed=words.changed(both))
    shown = re.sub(r"<details.*?</details>", "|", html)
    assert shown.count("|") == 4
    assert shown.count('x&lt;<span class="word">b</span>&gt;y') == 1
    assert shown.count('x&lt;<span class="word">i</span>&gt;y') == 1
    assert len(shown) < 4000
    assert '<summary data-count="28,801"></summary>' in html
    assert rows.lines_of_html(html) == both


def test_a_huge_line_and_many_lines_are_quick() -> None:
    huge = [Row(REMOVED, 1, None, "x;" * 500_000 + "y"), Row(ADDED, None, 1, "x;" * 500_000 + "z")]
    diff = HEAD + b"@@ -0,0 +1,50000 @@\n" + b"+some line of code here\n" * 50_000

    def make() -> None:
        [html] = rows.html(huge, changed=words.changed(huge))
        assert rows.lines_of_html(html) == huge
        assert whole(diff).count('class="r a"') == 50_000

    assert spent(make, times=1) < 200 * yardstick()


def test_bytes_that_are_no_utf8_are_told_apart() -> None:
    """Two lines of Latin-1 that differ in an accent must not look the same."""
    made = whole(HEAD + b"@@ -1 +1 @@\n-caf\xe8\n+caf\xe9\n")
    assert 'caf<span class="unseen" title="a byte that is no UTF-8">\\xE8</span>' in made
    assert 'caf<span class="unseen" title="a byte that is no UTF-8">\\xE9</span>' in made
    made.encode("utf-8")


LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"\r"))
SIGNED = st.tuples(st.sampled_from([b" ", b"+", b"-", b"\\", b""]), LINE).map(b"".join)
HUNK = st.tuples(st.integers(0, 2000), st.integers(0, 9), st.integers(0, 2000), st.integers(0, 9), LINE).map(
    lambda found: b"@@ -%d,%d +%d,%d @@ %s" % found
)


@given(st.lists(st.one_of(HUNK, SIGNED, LINE)).map(b"\n".join))
def test_a_page_tells_whatever_git_told(diff: bytes) -> None:
    parsed = rows.parse(diff)
    assert rows.lines_of_html("\n".join(rows.html(parsed, changed=words.changed(parsed), length=5000))) == parsed


BLOCK = st.tuples(
    st.lists(LINE, max_size=3).map(lambda lines: [b" " + line for line in lines]),
    st.lists(LINE, max_size=5).map(lambda lines: [b"-" + line for line in lines]),
    st.lists(LINE, max_size=5).map(lambda lines: [b"+" + line for line in lines]),
    LINE.map(lambda line: [b" " + line]),
).map(lambda parts: list(chain.from_iterable(parts)))


@given(st.lists(BLOCK, max_size=4).map(lambda blocks: list(chain.from_iterable(blocks))), st.booleans())
def test_sides_tell_the_same_as_lines_below_each_other(lines: list[bytes], ends: bool) -> None:
    """Within a block git tells what was removed first."""
    old, new = (sum(line[:1] != sign for line in lines) for sign in (b"+", b"-"))
    diff = b"\n".join([b"@@ -1,%d +1,%d @@" % (old, new), *lines, b"" if ends else NO_END])
    parsed = rows.parse(diff)
    assert len(parsed) == len(lines) + 1
    split = "\n".join(rows.html(parsed, view=View.SPLIT, changed=words.changed(parsed)))
    assert rows.lines_of_html(split) == parsed
    assert split.count("<div ") == split.count("</div>")


def test_a_new_file_takes_the_whole_width() -> None:
    diff = b"@@ -0,0 +1,2 @@\n+a\n+b\n"
    assert whole(diff, View.SPLIT) == whole(diff, View.UNIFIED)


def test_a_reader_of_both_sides_sees_each_as_it_is() -> None:
    """With white space left out, git tells the new side's text; the old one has its own."""
    [html] = rows.html([Row(SAME, 1, 1, "\tx")], view=View.SPLIT, old=["  x"], new=[escape("\tx")])
    assert '<div class="r s" data-o="1">  x</div><div class="r s" data-n="1">\tx</div>' in html
