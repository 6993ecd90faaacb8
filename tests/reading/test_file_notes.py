"""What is said of a file beside its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.domain.diff import FileDiff, FileStatus
from server.reading import file_notes, rows

A, B, NONE = "a" * 40, "b" * 40, "0" * 40
FILE = FileDiff("f.txt", None, FileStatus.MODIFIED, "100644", "100644", A, B, 1, 1, None, b"")


def notes(file: FileDiff, *lines: bytes) -> list[str]:
    removed = sum(line.startswith(b"-") for line in lines)
    added = sum(line.startswith(b"+") for line in lines)
    heading = b"@@ -1,%d +1,%d @@" % (removed, added)
    return file_notes.of_rows(file, rows.parse(b"\n".join((heading, *lines, b""))))


def test_nothing_is_said_of_a_plain_edit() -> None:
    assert notes(FILE, b"-one", b"+two") == []


def test_where_a_link_points_to() -> None:
    link = replace(FILE, old_mode="120000", new_mode="120000")
    assert notes(link, b"-here", b"+there") == ["The link pointed to here, and points to there now."]
    new = replace(FILE, status=FileStatus.ADDED, old_mode="000000", new_mode="120000")
    assert notes(new, b"+there") == ["The link points to there."]
    gone = replace(FILE, status=FileStatus.DELETED, old_mode="120000", new_mode="000000")
    assert notes(gone, b"-here") == ["The link pointed to here."]


def test_which_commit_a_submodule_is_at() -> None:
    module = replace(FILE, old_mode="160000", new_mode="160000")
    assert notes(module) == ["The submodule was at commit aaaaaaaaaaaa, and is at bbbbbbbbbbbb now."]
    assert notes(replace(module, old_mode="000000")) == ["The submodule is at commit bbbbbbbbbbbb."]
    assert notes(replace(module, new_mode="000000")) == ["The submodule was at commit aaaaaaaaaaaa."]


def test_what_changed_its_type() -> None:
    changed = replace(FILE, status=FileStatus.TYPE_CHANGED, old_mode="100644", new_mode="120000")
    assert notes(changed, b"-a line", b"+target") == [
        "It was a file, and is a symbolic link now.",
        "The link points to target.",
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((b"-a", b"-b", b"+a\r", b"+b\r"), "Only line ends changed: LF became CRLF."),
        ((b"-a\r", b"+a"), "Only line ends changed: CRLF became LF."),
        ((b"-a\r", b"-b", b"+a", b"+b\r"), "Only line ends changed: CRLF became LF, and LF became CRLF."),
        ((b"-a\r", b"+b"), ""),
        ((b"-a", b"+a"), ""),  # the end of the last line alone
        ((b"+a\r",), ""),
    ],
)
def test_line_ends_that_are_all_that_changed(lines: tuple[bytes, ...], said: str) -> None:
    assert notes(FILE, *lines) == ([said] if said else [])


def test_bytes_that_are_no_utf8() -> None:
    assert notes(FILE, b"-caf\xe9", b"+caf\xc3\xa9") == [
        "Some bytes here are no UTF-8; they are shown by their numbers."
    ]


@pytest.mark.parametrize(
    ("file", "sizes", "said"),
    [
        (replace(FILE, old_blob=B, status=FileStatus.RENAMED), {}, "Moved; the content is the same."),
        (replace(FILE, old_blob=B, status=FileStatus.COPIED), {}, "Copied; the content is the same."),
        (replace(FILE, old_blob=B, new_mode="100755"), {}, "Only the mode changed."),
        (replace(FILE, status=FileStatus.ADDED, old_blob=NONE), {}, "An empty file."),
        (replace(FILE, status=FileStatus.DELETED, new_blob=NONE), {}, "An empty file was removed."),
        (replace(FILE, additions=None), {A: 1, B: 2_000}, "A binary file: 1 byte before, 2,000 bytes now."),
        (replace(FILE, additions=None, status=FileStatus.ADDED), {B: 3}, "A binary file of 3 bytes is new."),
        (replace(FILE, additions=None, status=FileStatus.DELETED), {A: 3}, "A binary file of 3 bytes was removed."),
        (replace(FILE, additions=None), {}, "A binary file: git has no lines to show."),
    ],
)
def test_why_there_are_no_rows(file: FileDiff, sizes: dict[str, int], said: str) -> None:
    assert file_notes.why_empty(file, sizes, {}) == said


def test_wide_text_is_named() -> None:
    binary = replace(FILE, additions=None)
    said = file_notes.why_empty(binary, {A: 10, B: 12}, {B: "text".encode("utf-16")})
    assert said == "A text in UTF-16, which is binary to git: 10 bytes before, 12 bytes now."
