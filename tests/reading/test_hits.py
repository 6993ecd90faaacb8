"""Marks around words that are looked for."""

from __future__ import annotations

import pytest

from server.reading import hits, markdown, visible


@pytest.mark.parametrize(
    ("html", "wanted", "marked"),
    [
        ("<p>One one</p>", "one", "<p><mark>One</mark> <mark>one</mark></p>"),
        ("<code>code</code>", "code", "<code><mark>code</mark></code>"),
        ("a &amp; b", "amp", "a &amp; b"),
        ("a &amp; b", "&", "a <mark>&amp;</mark> b"),
        ("it&#x27;s", "it's", "<mark>it&#x27;s</mark>"),
        ("a.c abc", "a.c", "<mark>a.c</mark> abc"),
        ("x", "", "x"),
    ],
)
def test_marks_are_in_the_text_only(html: str, wanted: str, marked: str) -> None:
    assert hits.mark(html, wanted) == marked


@pytest.mark.parametrize("wanted", ["<script>", '"', "href", "a>b", "&lt;", "</mark>"])
def test_a_mark_opens_no_tag(wanted: str) -> None:
    hostile = 'x <script>alert(1)</script> [a](https://b/?"a>b) &lt; </mark> href'
    for html in (visible.html(hostile), markdown.html(hostile)):
        marked = hits.mark(html, wanted)
        assert marked.replace("<mark>", "").replace("</mark>", "") == html
