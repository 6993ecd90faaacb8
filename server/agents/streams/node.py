"""JSON from a hostile program: looked into without ever raising."""

from __future__ import annotations

import json
from typing import Any

LINE_LIMIT = 8 * 1024 * 1024  # characters of a line that is still parsed: as Python objects it grows thirtyfold
LARGEST = 1e15  # number that an agent may have counted to


class Node:
    """A JSON value of which nothing is known; asking for what isn't there answers with emptiness."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, name: str) -> Node:
        """The member of that name."""
        return Node(self.value.get(name)) if isinstance(self.value, dict) else _NOTHING

    def __bool__(self) -> bool:
        return bool(self.value)

    @property
    def text(self) -> str:
        """A string, fit to be encoded; empty if it is none."""
        return self.value.encode("utf-8", "replace").decode() if isinstance(self.value, str) else ""

    @property
    def items(self) -> list[Node]:
        """The items of a list."""
        return [Node(item) for item in self.value] if isinstance(self.value, list) else []

    @property
    def members(self) -> list[tuple[str, Node]]:
        """The members of an object."""
        return [(name, Node(value)) for name, value in self.value.items()] if isinstance(self.value, dict) else []

    @property
    def number(self) -> float | None:
        """A number that is neither negative nor beyond all reason; None if it is none."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            return None
        return float(self.value) if 0 <= self.value <= LARGEST else None

    @property
    def count(self) -> int | None:
        """The same as a whole number."""
        return None if self.number is None else int(self.number)

    @property
    def true(self) -> bool:
        """Whether it is `true` and nothing else."""
        return self.value is True

    @property
    def compact(self) -> str:
        """The value as JSON; a string as it is, nothing and what is empty as nothing."""
        if isinstance(self.value, str):
            return self.text
        if self.value in (None, {}, []):
            return ""
        try:
            return Node(json.dumps(self.value, ensure_ascii=False)).text
        except (RecursionError, ValueError):
            return ""


_NOTHING = Node(None)


def read_object(text: str) -> Node | None:
    """The JSON object that `text` is; None if it is none, or none that can be read safely."""
    text = text.lstrip("\ufeff").strip()
    if not text.startswith("{") or len(text) > LINE_LIMIT:
        return None
    try:
        return Node(json.loads(text))
    except (ValueError, RecursionError):
        return None


def spoken(content: Node) -> str:
    """The text of a message's content, which is a string or a list of blocks."""
    if content.text:
        return content.text
    return "\n".join(filter(None, (item.text or item["text"].text for item in content.items)))
