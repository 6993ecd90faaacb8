"""Unseen characters are seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.reading import visible
from server.reading.lines import text_of


def test_every_kind_of_unseen_character_is_marked() -> None:
    html = visible.html("a\tb\u202e\u200b\x1b\x7f\ud800&<>\"'")
    assert html.startswith("a\tb")
    for mark in ("U+202E", "U+200B", "^[", "U+007F", "U+D800", "&amp;&lt;&gt;&quot;&#x27;"):
        assert mark in html
    assert 'title="right-to-left override"' in html


def test_letters_without_a_shape_and_hidden_text_are_marked() -> None:
    assert "U+3164" in visible.html("if admin\u3164:")
    assert "U+E0148" in visible.html("a\U000e0148")
    assert visible.html("\u2764\ufe0f") == "\u2764\ufe0f"


def test_without_markup() -> None:
    assert visible.plain("a\u2066b\r\n") == "a[U+2066]b\r\n"


@given(st.one_of(st.text(), st.binary().map(text_of)))
def test_what_is_shown_can_be_read_back(text: str) -> None:
    assert visible.text(visible.html(text)) == text


def test_tags_around_it_do_not_count() -> None:
    assert visible.text('<i class=tk>a</i> <span class="word">&lt;<span class="unseen">^@</span></span>') == "a <\0"
