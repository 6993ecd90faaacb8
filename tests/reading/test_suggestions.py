"""What a comment suggests: cut out of its words, and made a patch that git takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from server.reading.suggestions import Part, fence, parts, patch


def test_a_suggestion_is_cut_out_of_the_words_around_it() -> None:
    body = "Rather:\n\n```suggestion\n  a\n\n  b\n```\nor nothing:\n```suggestion\n```"
    assert parts(body) == [Part("Rather:"), Part(instead=["  a", "", "  b"]), Part("or nothing:"), Part(instead=[])]
    assert parts("```py\na\n```") == [Part("```py\na\n```")]
    assert parts("- ```suggestion\n  a\n  ```") == [Part("- ```suggestion\n  a\n  ```")], "not within a list"
    assert parts("") == []


@pytest.mark.parametrize("text", ["a", "a\n\nb", "", "```\nfenced\n```", "    indented", "\na\n"])
def test_what_is_fenced_comes_out_the_same(text: str) -> None:
    assert parts(f"Rather:\n\n{fence(text)}") == [Part("Rather:"), Part(instead=text.split("\n") if text else [])]


@pytest.mark.parametrize(
    ("before", "lines", "instead", "after"),
    [
        ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", (5, 5), ["five"], "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
        ("1\n2\n3\n", (1, 3), ["all", "new", "", "lines"], "all\nnew\n\nlines\n"),
        ("1\n2\n3\n", (2, 3), [], "1\n"),
        ("1\n", (1, 1), [], ""),
        ("1\n2", (2, 2), ["two"], "1\ntwo"),
        ("1\n2", (1, 1), ["one"], "one\n2"),
        ("1\r\n2\r\n3\r\n", (2, 2), ["two", "2"], "1\r\ntwo\r\n2\r\n3\r\n"),
        ("a\fb\n\u2028\n3\n", (2, 2), ["\u00e9\u2028"], "a\fb\n\u00e9\u2028\n3\n"),
    ],
)
@pytest.mark.parametrize("name", ["plain.txt", "with space.txt", 'q"uo\\te\t.txt', "caf\udce9/é.txt"])
def test_the_patch_makes_exactly_the_suggested_file(
    tmp_path: Path, name: str, before: str, lines: tuple[int, int], instead: list[str], after: str
) -> None:
    file = Path(os.fsdecode(tmp_path)) / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(before.encode())
    made = patch(name, before, *lines, instead)
    git = ["git", "-C", str(tmp_path), "apply", "--whitespace=nowarn", "-"]
    subprocess.run(git, input=made.encode(), check=True)
    assert file.read_bytes() == after.encode()
