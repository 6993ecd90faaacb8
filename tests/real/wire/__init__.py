"""What agents ask a model and get from it, without the differences between four wire formats."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]
CUSTOM = "custom"  # the key that marks a tool which takes plain text instead of JSON


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is "system", "user", "assistant" or "tool" (a tool's result)."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent sends: the conversation so far, and the tools on offer with their JSON schemas."""

    messages: list[Message]
    tools: dict[str, Json]
    system: str = ""  # instructions that stand outside the conversation
    stream: bool = True
    answer_schema: Json | None = None  # the answer has to be JSON of this shape


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants called: its arguments, or plain text for a custom tool."""

    tool: str
    arguments: Json | str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as each format's own fields carry them."""

    input: int = 1234
    output: int = 56
    cache_read: int = 300
    cache_write: int = 100
    reasoning: int = 7

    def read(self, wire: str) -> int:
        """All tokens that went into the model: those of a cache stand beside the input or in it."""
        return self.input + (self.cache_read + self.cache_write if wire == "anthropic" else 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says: pieces of text, then calls."""

    pieces: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    model: str = "scripted"
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; `piece` when it carries a piece of the text."""

    data: Json | str
    name: str = ""
    piece: bool = False


class Wire(Protocol):
    """One wire format: a module of this package."""

    def question(self, body: Json, path: str) -> Question:
        """Reads a request's body."""

    def events(self, answer: Answer) -> Iterator[Event]:
        """An answer as a stream."""

    def whole(self, answer: Answer) -> Json:
        """An answer as one JSON object."""

    def error(self, status: int, sentence: str) -> Json:
        """An error's body."""


def plain(content: object) -> str:
    """The text in a content of any nesting: strings, lists of parts, parts with a text, a content or an output."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(plain(part) for part in content)
    if isinstance(content, dict):
        return next((plain(content[key]) for key in ("text", "content", "output") if key in content), "")
    return ""


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:20]}"
