"""Differences without those in white space alone, and of texts that are no files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import GitError
from server.git.diffs import compare, file_without_whitespace, of_texts
from tests.git.store import Store, Trees, plain

CODE = "def total(rows):\n    count = 0\n    for row in rows:\n        count += row\n    return count\n"
INDENTED = "".join(f"    {line}\n" for line in CODE.splitlines())
LINK = ("120000", b"there ")


def one(store: Store, before: Trees, after: Trees) -> FileDiff:
    (file,) = compare(store.mirror, store.tree(before), store.tree(after))
    return file


def seen(store: Store, before: Trees, after: Trees) -> bytes:
    return file_without_whitespace(store.mirror, one(store, before, after))


def test_only_what_is_more_than_indented_is_left(store: Store) -> None:
    text = seen(store, {"a.py": plain(CODE)}, {"a.py": plain(INDENTED.replace("count += row", "count += row.size"))})
    assert text.startswith(b"diff --git a/a.py b/a.py\nindex ")
    assert b"\n--- a/a.py\n+++ b/a.py\n@@ -1,5 +1,5 @@\n" in text
    assert text.count(b"\n-") - 1 == text.count(b"\n+") - 1 == 1


@pytest.mark.parametrize(
    "after",
    [INDENTED, CODE.replace("\n", "\r\n"), CODE.rstrip("\n"), CODE.replace(" = ", "=")],
    ids=["indented", "line ends", "no line end", "spaces within"],
)
def test_nothing_is_left_of_white_space(store: Store, after: str) -> None:
    assert seen(store, {"a.py": plain(CODE)}, {"a.py": plain(after)}) == b""


def test_a_new_name_and_new_rights_are_still_said(store: Store) -> None:
    moved = seen(store, {"a.py": plain(CODE * 9)}, {"b.py": plain(INDENTED + CODE * 8)})
    assert b"rename from a.py\nrename to b.py\n" in moved
    assert b"@@" not in moved
    rights = seen(store, {"run": ("100644", b"a\n")}, {"run": ("100755", b" a\n")})
    assert rights.startswith(b"diff --git a/run b/run\nold mode 100644\nnew mode 100755\nindex ")
    assert b"@@" not in rights


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"x": plain(" \n")}),
        ({"x": plain(" \n")}, {}),
        ({"x": plain("a\n")}, {"x": ("120000", b"a ")}),
        ({"x": LINK}, {"x": ("120000", b"there")}),
        ({"x": ("100644", b"same\n")}, {"x": ("100755", b"same\n")}),
        ({"x": plain("same\n")}, {"y": plain("same\n")}),
        ({"x": plain(b"\0 ")}, {"x": plain(b"\0")}),
        ({"x": ("160000", b"1" * 40)}, {"x": ("160000", b"2" * 40)}),
    ],
    ids=["added", "deleted", "type", "link", "rights", "renamed", "binary", "submodule"],
)
def test_what_has_no_lines_on_both_sides_is_as_it_was(store: Store, before: Trees, after: Trees) -> None:
    file = one(store, before, after)
    assert file_without_whitespace(store.mirror, file) == file.text


def test_names_and_lines_that_look_like_a_head(store: Store) -> None:
    name = os.fsdecode(b'"\xff\n--- a\n@@ -1 +1 @@')
    file = one(store, {name: plain("-- a\n@@ x\n y\nb\n")}, {name: plain("-- a\n@@ x\ny\nc\n")})
    text = file_without_whitespace(store.mirror, file)
    head, hunks = text.split(b"\n@@ ", 1)
    assert file.text.startswith(head)
    assert hunks == b"-1,4 +1,4 @@\n -- a\n @@ x\n y\n-b\n+c\n"


def test_the_users_own_settings_do_not_matter(store: Store, home: Path) -> None:
    file = one(store, {"a": plain("a\n\nb\n c\n")}, {"a": plain("a\n\nB\nc\n")})
    expected = file_without_whitespace(store.mirror, file)
    (home / ".gitconfig").write_text(
        "[diff]\n\tnoprefix = true\n\tcontext = 0\n\talgorithm = patience\n\tindentHeuristic = false\n"
        "\tsuppressBlankEmpty = true\n\texternal = false\n\tcolorMoved = zebra\n[color]\n\tui = always\n"
    )
    assert file_without_whitespace(store.mirror, file) == expected


def test_contents_that_are_gone_are_said(store: Store) -> None:
    file = one(store, {"a": plain("a\n")}, {"a": plain("b\n")})
    gone = FileDiff("a", None, FileStatus.MODIFIED, "100644", "100644", "1" * 40, "2" * 40, 1, 1, None, file.text)
    with pytest.raises(GitError):
        file_without_whitespace(store.mirror, gone)


def test_two_texts_differ_as_a_file_does(store: Store) -> None:
    text = of_texts(store.mirror, "report.md", "# Café\none\n".encode(), "# Café\ntwo\n\0".encode())
    assert text.startswith(b"diff --git a/report.md b/report.md\n--- a/report.md\n+++ b/report.md\n@@ -1,2 +1,3 @@\n")
    assert b"\n-one\n+two\n+\0\n\\ No newline at end of file\n" in text
    assert of_texts(store.mirror, "report.md", b"same", b"same") == b""
