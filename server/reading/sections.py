"""Texts of several origins in one markdown document, each kept within its own part."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

_END = "the end of this part"
_parser = MarkdownIt("commonmark", {"html": False}).disable("inline")
_TICKS = re.compile(r"`+")
_FENCE = re.compile(r"^\s*(`{3,})\s*$", re.MULTILINE)


def section(heading: str, text: str) -> str:
    """`text` under a heading of the second level; empty where it says nothing."""
    return f"## {heading}\n\n{closed(text)}" if text.strip() else ""


def closed(text: str) -> str:
    """Markdown without the space around it, and with the end of a fence that it opens and never closes."""
    text = text.strip()
    last = _parser.parse(f"{text}\n\n{_END}")[-1]
    return f"{text}\n{last.markup}" if last.type == "fence" and _END in last.content else text


def fenced(text: str, language: str = "") -> str:
    """`text` as a fenced block that no line of it can end."""
    fence = "`" * max(3, *(len(found) + 1 for found in _FENCE.findall(text)), 0)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def code(text: str) -> str:
    """`text` as code within a line; its line ends become spaces."""
    line = " ".join(text.splitlines())
    ticks = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"
