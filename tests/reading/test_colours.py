"""Colours of whole files, line by line."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from server.reading import colours, visible


def plain(line: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", line))


def test_a_string_over_lines_is_coloured_as_one() -> None:
    lines = colours.lines("a.py", b'def f():\n    """One\n    if two: pass\n    """\n    return 1\n')
    assert lines is not None
    assert lines[0] == '<span class="tk">def</span> <span class="tf">f</span>():'
    assert lines[2] == '<span class="tc">    if two: pass</span>'
    assert '<span class="tn">1</span>' in lines[4]


def test_only_classes_and_nothing_that_a_file_says() -> None:
    lines = colours.lines("a.py", b'x = "<script>" # <b onclick=y>\n')
    assert lines is not None
    assert set(re.findall(r"<(\w+)[^>]*>", "".join(lines))) == {"span"}
    assert plain(lines[0]) == 'x = "<script>" # <b onclick=y>'


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_the_lines_are_those_of_the_file(text: str) -> None:
    lines = colours.lines("a.py", text.encode())
    assert lines is not None
    assert lines == [line for line in lines if "\n" not in line]
    assert [plain(line) for line in lines] == [plain(visible.html(line)) for line in text.split("\n")]


def test_what_has_no_language_is_large_or_no_text_stays_plain() -> None:
    assert colours.lines("notes.unknown", b"x = 1\n") is None
    assert colours.lines("a.txt", b"x = 1\n") is None
    assert colours.lines("a.py", b"x = 1\n" * 200_000) is None
    assert colours.lines("a.py", b"\0binary") is None


def test_the_rest_is_left_out_when_time_is_up() -> None:
    assert colours.lines("a.py", b"x = 1\n" * 10_000, seconds=-1) == []


def test_bytes_that_are_no_utf8_are_marked_in_coloured_files_too() -> None:
    [line, _] = colours.lines("a.py", b"name = 'caf\xe9'\n") or []
    assert "\\xE9" in line
    line.encode("utf-8")
