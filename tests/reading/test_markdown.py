"""Markdown that can do nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import markdown

ALLOWED = markdown._TEXT | markdown._BLOCKS | markdown._TABLES


def test_what_people_write() -> None:
    html = markdown.html("# T\n\n**b** `c`\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx < 1\n```")
    for part in ("<h1>T</h1>", "<strong>b</strong>", "<code>c</code>", "<li>one</li>", "<td>2</td>", "x &lt; 1"):
        assert part in html


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        '<b hx-get="/x">b</b>',
        '<div data-hx-get="/x" hx-trigger="load">',
        "[x](javascript:alert(1))",
        "[x](/changes/1/landing)",
        "[x](//elsewhere.example/)",
        "[x](data:text/html,x)",
        "![x](http://elsewhere.example/pixel.png)",
        '<a href="http://x" onclick="y" style="z" id="bar" class="button">x</a>',
        "<svg><use href=#x></svg><math><style>x</style></math>",
    ],
)
def test_nothing_acts_or_loads(attack: str) -> None:
    html = markdown.html(attack)
    for tag, attributes in re.findall(r"<(\w+)([^>]*)>", html):
        assert tag in ALLOWED
        assert attributes == "" or re.fullmatch(
            r'( href="(https?|mailto):[^"]*")? rel="noopener noreferrer nofollow"', attributes
        )


def test_links_are_absolute_and_give_nothing_away() -> None:
    assert markdown.html("[x](https://example.org)") == (
        '<p><a href="https://example.org" rel="noopener noreferrer nofollow">x</a></p>\n'
    )


def test_characters_that_turn_the_text_around_are_shown() -> None:
    assert markdown.html("a\u202eb") == "<p>a[U+202E]b</p>\n"


@given(st.text())
def test_any_text(text: str) -> None:
    assert set(re.findall(r"<(\w+)", markdown.html(text))) <= ALLOWED
