"""Texts as git counts their lines."""

from __future__ import annotations


def split(text: str) -> list[str]:
    """The lines of a file, without their ends. Only a line feed ends one, as for git; a carriage return stays off."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
