"""What was written for a terminal reads as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import terminal


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[31mred\x1b[0m\n", "red\n"),
        ("\x1b[38;2;1;2;3mtrue\x1b[m colour", "true colour"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never closed\ntext", "\ntext"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b(Btext\x1b7\x1b8\x1bM", "text"),
        ("10 %\r20 %\r100 %\ndone\n", "100 %\ndone\n"),
        ("windows\r\nlines\r\r\n", "windows\nlines\n"),
        ("working\r", "working"),
        ("plain [31m text", "plain [31m text"),
    ],
)
def test_escapes_and_what_was_written_over_are_gone(written: str, read: str) -> None:
    assert terminal.plain(written) == read


@pytest.mark.parametrize(
    ("so_far", "whole"),
    [("a\x1b", "a"), ("a\x1b[38;5", "a"), ("a\x1b]0;tit", "a"), ("a\r", "a"), ("a\x1b[0m", "a\x1b[0m"), ("a\n", "a\n")],
)
def test_an_escape_of_which_more_may_come_waits_for_it(so_far: str, whole: str) -> None:
    assert terminal.whole(so_far) == whole


@given(st.text(alphabet="a\n\r\x1b[]0;m\x07\\(B", max_size=60))
def test_text_only_ever_gets_shorter_and_keeps_its_lines(written: str) -> None:
    read = terminal.plain(written)
    assert len(read) <= len(written)
    assert read.count("\n") == written.count("\n")
    assert "\r" not in read
