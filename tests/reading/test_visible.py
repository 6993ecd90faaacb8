"""Unseen characters are seen."""

from __future__ import annotations

from server.reading import visible


def test_every_kind_of_unseen_character_is_marked() -> None:
    html = visible.html("a\tb\u202e\u200b\x1b\x7f\ud800&<>\"'")
    assert html.startswith("a\tb")
    for mark in ("U+202E", "U+200B", "^[", "U+007F", "U+D800", "&amp;&lt;&gt;&quot;&#x27;"):
        assert mark in html
    assert 'title="right-to-left override"' in html


def test_without_markup() -> None:
    assert visible.plain("a\u2066b\r\n") == "a[U+2066]b\r\n"
    assert visible.deceives("a\u2066b")
    assert not visible.deceives("a\u200bb")
