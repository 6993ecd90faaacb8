"""Words that changed within a line."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import visible, words
from server.reading.rows import Row, RowKind


def pair(old: str, new: str) -> list[Row]:
    return [Row(RowKind.REMOVED, 1, None, old), Row(RowKind.ADDED, None, 1, new)]


def marked(old: str, new: str) -> list[str]:
    changed = words.changed(rows := pair(old, new))
    made = [words.mark(visible.html(row.text), changed.get(place, [])) for place, row in enumerate(rows)]
    return [html.replace('<span class="word">', "[").replace("</span>", "]") for html in made]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("return a - b", "return a + b", ["return a [-] b", "return a [+] b"]),
        ("call(x)", "call(x, y)", ["call(x)", "call(x[, y])"]),
        ("if ready(one, two):", "if not ready(one, two):", ["if ready(one, two):", "if [not ]ready(one, two):"]),
        ("the old words of it", "the new thing of it", ["the [old words] of it", "the [new thing] of it"]),
        ("    x = 1", "        x = 1", ["[    ]x = 1", "[        ]x = 1"]),
        ("def on_error(e):", "def on_close(e):", ["def on_[error](e):", "def on_[close](e):"]),
        ("a < b && c", "a > b && c", ["a [&lt;] b &amp;&amp; c", "a [&gt;] b &amp;&amp; c"]),
    ],
)
def test_the_words_that_changed_are_marked(old: str, new: str, shown: list[str]) -> None:
    assert marked(old, new) == shown


def test_a_character_that_nobody_sees_is_a_word_like_any_other() -> None:
    one, other = pair("if user == admin:", "if user == admin\u202e:")
    changed = words.changed([one, other])
    assert words.mark(visible.html(other.text), changed[1]).count('<span class="word"><span class="unseen"') == 1
    assert words.changed(pair("a line of a file", "a line of a file\r"))[1] == [(16, 17)]


def test_lines_with_little_in_common_are_two_lines() -> None:
    assert words.changed(pair("import os", "def f(x): return y")) == {}
    assert words.changed(pair("import json", "from datetime import timedelta")) == {}
    assert words.changed([Row(RowKind.ADDED, None, 2, "more")]) == {}


def test_of_a_very_long_line_the_part_between_its_same_ends_is_marked() -> None:
    old = "a," * 5000 + "b" + ",c" * 5000
    assert words.changed(pair(old, old.replace("b", "bee"))) == {1: [(10_001, 10_003)]}
    assert words.changed(pair(old, old.replace("b", "d"))) == {0: [(10_000, 10_001)], 1: [(10_000, 10_001)]}


def test_marks_go_around_colours_and_entities() -> None:
    html = "<i class=tk>if</i> a &lt; <i class=tn>10</i>"
    assert words.mark(html, [(5, 9)]) == (
        '<i class=tk>if</i> a <span class="word">&lt; </span><i class=tn><span class="word">10</span></i>'
    )


@given(st.text(max_size=80), st.text(max_size=80))
def test_marking_changes_no_text(old: str, new: str) -> None:
    changed = words.changed(rows := pair(old, new))
    for place, row in enumerate(rows):
        html = words.mark(visible.html(row.text), changed.get(place, []))
        assert visible.text(html) == row.text
        assert html.count("<span") == html.count("</span>")


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=4))
def test_exactly_the_characters_in_the_ranges_are_marked(text: str, steps: list[tuple[int, int]]) -> None:
    ranges, end = [], 0
    for gap, size in steps:
        ranges.append((end + gap + 1, end + gap + 1 + size))
        end = ranges[-1][1]
    html = words.mark(visible.html(text), ranges)
    within = re.sub(r'(<span class="unseen"[^>]*>[^<]*)</span>', r"\1</b>", html).split('<span class="word">')[1:]
    seen = "".join(visible.text(part.partition("</span>")[0].replace("</b>", "</span>")) for part in within)
    assert seen == "".join(text[start:stop] for start, stop in ranges)


def test_it_stops_when_time_is_up() -> None:
    rows = [row for n in range(2000) for row in pair(f"{n} " * 60, f"{n + 1} " * 60)]
    began = time.process_time()
    words.changed(rows)
    assert time.process_time() - began < 2
