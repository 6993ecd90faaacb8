"""Colours of whole files, line by line."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import assets
from server.reading import colours, visible

THEMES = ("light", "dark")
CODE = ["keyword", "string", "number", "comment", "function", "type", "builtin"]


def plain(line: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", line))


def test_a_string_over_lines_is_coloured_as_one() -> None:
    lines = colours.lines("a.py", b'def f():\n    """One\n    if two: pass\n    """\n    return 1\n')
    assert lines is not None
    assert lines[0] == "<i class=tk>def </i><i class=tf>f</i>():"
    assert lines[2] == "<i class=tc>    if two: pass</i>"
    assert "<i class=tn>1</i>" in lines[4]


def test_what_stands_side_by_side_in_one_colour_is_written_once() -> None:
    assert colours.lines("a.py", b"# one\n\n# two\nx = (y + [z])\n") == [
        "<i class=tc># one</i>",
        "",
        "<i class=tc># two</i>",
        "x = (y + [z])",
        "",
    ]


def test_only_classes_and_nothing_that_a_file_says() -> None:
    lines = colours.lines("a.py", b'x = "<script>" # <b onclick=y>\n')
    assert lines is not None
    assert set(re.findall(r"<(\w+)[^>]*>", "".join(lines))) == {"i"}
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
    assert colours.lines("a.js", b"// made\nlet x=1;" + b"f(x);" * 1000 + b"\n") is None


def test_the_rest_is_left_out_when_time_is_up() -> None:
    assert colours.lines("a.py", b"x = 1\n" * 10_000, seconds=-1) == []


def test_bytes_that_are_no_utf8_are_marked_in_coloured_files_too() -> None:
    [line, _] = colours.lines("a.py", b"name = 'caf\xe9'\n") or []
    assert "\\xE9" in line
    line.encode("utf-8")


def test_a_name_tells_the_language() -> None:
    assert colours.language("a.py") == "Python"
    assert colours.language("a.unknown") == ""


def tokens() -> dict[str, list[str]]:
    """The colours of the style sheets by name, in both themes."""
    css = "".join((assets.static() / name).read_text() for name in ("app.css", "diff.css"))
    plain_colours = dict(re.findall(r"--([\w-]+): (#\w{6});", css))
    found = {}
    for name, pair in re.findall(r"--([\w-]+): light-dark\((.+?)\);", css):
        values = [value.removeprefix("var(--").removesuffix(")") for value in pair.split(", ")]
        found[name] = [plain_colours.get(value, value) for value in values]
    return found


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_everything_in_a_row_can_be_read_on_whatever_is_behind_it(theme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    known = {name: values[THEMES.index(theme)] for name, values in tokens().items()}
    code = ["text", *(f"code-{name}" for name in CODE)]
    behind = ["card", "added", "removed", "moved", "added-word", "removed-word", "hunk"]
    pairs = [(front, back) for front in code for back in behind]
    pairs += [("muted", "card"), ("muted", "hunk"), ("muted", "moved"), ("muted", "moved-edge"), ("accent", "moved")]
    pairs += [("accent", back) for back in ("added", "removed", "card", "hunk")]
    pairs += [("good", "added-edge"), ("bad", "removed-edge"), ("good", "moved-edge"), ("bad", "moved-edge")]
    pairs += [("care", "care-soft")]
    poor = {both: round(ratio, 2) for both in pairs if (ratio := contrast(*(known[name] for name in both))) < 4.5}
    assert poor == {}
