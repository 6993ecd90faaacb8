"""Words that changed within a line."""

from __future__ import annotations

import re
import time
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from server.reading import visible, words
from server.reading.rows import Row, RowKind


def pair(old: str, new: str) -> list[Row]:
    return [Row(RowKind.REMOVED, 1, None, old), Row(RowKind.ADDED, None, 1, new)]


def marked(old: str, new: str) -> list[str]:
    changed = words.changed(rows := pair(old, new))
    return [words.mark(visible.html(row.text), changed.get(place, [])) for place, row in enumerate(rows)]


def test_the_words_that_changed_are_marked() -> None:
    assert marked("return a - b", "return a + b") == [
        'return a <span class="word">-</span> b',
        'return a <span class="word">+</span> b',
    ]
    assert marked("call(x)", "call(x, y)") == ["call(x)", 'call(x<span class="word">, y</span>)']


def test_lines_with_little_in_common_huge_or_deceptive_ones_are_not() -> None:
    assert words.changed(pair("import os", "def f(x): return y")) == {}
    assert words.changed(pair("import json", "from datetime import timedelta")) == {}
    assert words.changed(pair("a " * 500, "a " * 499 + "b ")) == {}
    assert words.changed(pair("a b c\u202e", "a b d\u202e")) == {}
    assert words.changed([*pair("a b c", "a b d"), Row(RowKind.ADDED, None, 2, "more")]) == {}


def test_marks_go_around_colours_and_entities() -> None:
    html = '<span class="tk">if</span> a &lt; <span class="tn">10</span>'
    assert words.mark(html, [(5, 9)]) == (
        '<span class="tk">if</span> a <span class="word">&lt; </span>'
        '<span class="tn"><span class="word">10</span></span>'
    )


@given(st.text(max_size=80), st.text(max_size=80))
def test_marking_changes_no_text(old: str, new: str) -> None:
    for text, html in zip((old, new), marked(old, new), strict=True):
        assert unescape(re.sub(r"<[^>]*>", "", html)) == unescape(re.sub(r"<[^>]*>", "", visible.html(text)))


def test_it_stops_when_time_is_up() -> None:
    rows = [row for n in range(2000) for row in pair(f"{n} " * 60, f"{n + 1} " * 60)]
    started = time.monotonic()
    words.changed(rows)
    assert time.monotonic() - started < 2
