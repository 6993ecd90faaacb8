"""What git's section headings are called."""

from __future__ import annotations

import pytest

from server.reading.functions import functions


def hunk(heading: str) -> bytes:
    return f"--- a/a\n+++ b/a\n@@ -1,2 +3,4 @@ {heading}\n x\n-@@ -1 +1 @@ def not_a_heading():\n".encode()


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("def parse(text: str) -> int:", "parse"),
        ("    async def read(self):", "read"),
        ("class Reader(Base):", "Reader"),
        ("static int parse_all(const char *text)", "parse_all"),
        ("export default function show(text) {", "show"),
        ("func (r *Reader) Read(p []byte) (int, error) {", "Read"),
        ("pub fn parse<T>(text: &str) -> T {", "parse"),
        ("impl Reader for File {", "Reader"),
        ("void Reader::read(int n)", "Reader::read"),
        ("## What was asked", "## What was asked"),
    ],
)
def test_a_heading_has_a_name(heading: str, name: str) -> None:
    assert functions([hunk(heading)]) == {name}


def test_several_hunks_and_files_and_none() -> None:
    assert functions([hunk("def one():") + b"@@ -9 +9 @@ def two():\n", b"@@ -1 +1 @@\n x\n"]) == {"one", "two"}
    assert functions([]) == frozenset()


def test_a_long_line_is_cut_and_bytes_that_are_no_text_are_shown() -> None:
    [name] = functions([b"@@ -1 +1 @@ " + b"\xff words " * 50])
    assert name.startswith("\ufffd words")
    assert len(name) == 60
