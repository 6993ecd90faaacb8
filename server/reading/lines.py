"""Texts as git counts their lines."""

from __future__ import annotations


def split(text: str) -> list[str]:
    """The lines of a file, without their ends. Only a line feed ends one, as for git; a carriage return stays off."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def text_of(content: bytes) -> str:
    """A file's bytes as text; each one that is no UTF-8 stays itself, as a lone surrogate (PEP 383), and is marked.

    A replacement character would make two files that differ look the same.
    """
    return content.decode("utf-8", "surrogateescape")
