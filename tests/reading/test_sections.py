"""Texts of several origins in one document: none gets out of its part."""

from __future__ import annotations

import pytest

from server.reading.sections import closed, code, fenced, section


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("as typed", "as typed"),
        ("\n  indented? no\n\n", "indented? no"),
        ("```\nclosed\n```", "```\nclosed\n```"),
        ("```py\nopen", "```py\nopen\n```"),
        ("~~~~\n```\nopen", "~~~~\n```\nopen\n~~~~"),
        ("1. a\n   ```\n   b\n    ```", "1. a\n   ```\n   b\n    ```"),
        ("- an item ends its fence\n  ```\n  b", "- an item ends its fence\n  ```\n  b"),
        ("", ""),
    ],
)
def test_a_fence_that_was_left_open_is_closed_and_nothing_else_changes(text: str, whole: str) -> None:
    assert closed(text) == whole


def test_a_section_that_says_nothing_is_none() -> None:
    assert section("Examples", " \n") == ""
    assert section("Examples", "```\na\n") == "## Examples\n\n```\na\n```"


def test_no_line_ends_a_block_or_a_span() -> None:
    assert fenced("a\n````\nb\n", "diff") == "`````diff\na\n````\nb\n`````"
    assert fenced("``` not alone") == "```\n``` not alone\n```"
    assert (code("a"), code("a`b"), code("`a`"), code("a\nb")) == ("`a`", "``a`b``", "`` `a` ``", "`a b`")
