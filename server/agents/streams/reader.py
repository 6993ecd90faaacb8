"""What all readers of streams have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from server.agents.retries import TRIES_AGAIN
from server.agents.streams.node import Node, read_object
from server.agents.transcripts import Transcript
from server.agents.turns import one_line, plain

KEPT_ERROR = 4096  # characters of an agent's own error
KEPT_NAME = 200  # characters of a call's id
KEPT_PATH = 4096  # characters
KEPT_STEPS = 200  # steps of a plan
KEPT_CALLS = 4096  # tool calls of which something is remembered
ERROR_DEPTH = 6  # errors that are wrapped in errors
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_STATES = {"completed": "completed", "done": "completed", "in_progress": "in_progress", "active": "in_progress"}


class Reader(Protocol):
    """Reads a program's standard output, line by line, into a transcript. No line makes it raise.

    `session` is the id by which the conversation is continued; `usage` what the program says that it used, by the names
    of `Outcome.usage`; `error` its own words about what went wrong; `failed` whether it says itself that its turn did;
    `resets_at` when a limit is lifted, where it says that in a field of its own.
    """

    session: str | None
    usage: dict[str, Any]
    error: str
    failed: bool
    resets_at: datetime | None

    def line(self, text: str) -> None:
        """One line of output, without its end."""
        ...

    def end(self) -> None:
        """There is no more output."""
        ...


class Tries(Protocol):
    """Hears of requests to the model that failed and are tried again by the agent."""

    def failed(self, said: str) -> None:
        """One failed, and why."""
        ...

    def answered(self) -> None:
        """The model answers."""
        ...


class NotedTries:
    """Notes each try in the transcript."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def failed(self, said: str) -> None:
        self._transcript.notice(f"{TRIES_AGAIN} {one_line(said)}")

    def answered(self) -> None:
        pass


class EventReader(ABC):
    """A reader of one JSON object a line; what is none is passed over."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        self.transcript = transcript
        self.tries = tries
        self.session: str | None = None
        self.usage: dict[str, Any] = {}
        self.error = ""
        self.failed = False
        self.resets_at: datetime | None = None
        self._stray = ""
        self._understood = False
        self._nameless = 0

    def line(self, text: str) -> None:
        event = read_object(text)
        if event is not None:
            self._understood = self.take(event["type"].text, event) or self._understood
        elif text.strip():
            self._stray = one_line(text)

    def end(self) -> None:
        """A program that never spoke its format has most likely said in plain words why."""
        if not self._understood and self._stray:
            self.error = self._stray

    @abstractmethod
    def take(self, kind: str, event: Node) -> bool:
        """One event; False if it is of no known kind."""

    def begin(self, session: Node) -> None:
        """The conversation's id, if it is one that can stand among a program's arguments."""
        if _SESSION.fullmatch(session.text):
            self.session = session.text

    def fail(self, words: str) -> None:
        """The agent says that its turn failed."""
        self.failed = True
        self.blame(words)

    def blame(self, words: str) -> None:
        """Something went wrong; whether it brought down the turn is not said yet."""
        self.error = plain(words).strip()[:KEPT_ERROR] or self.error

    def recover(self) -> None:
        """The agent says that what failed before has come right."""
        self.failed, self.error = False, ""

    def say(self, words: str) -> None:
        """A whole message."""
        if words.strip():
            self.tries.answered()
            self.transcript.paragraph(words)

    def think(self, words: str) -> None:
        """A whole thought."""
        if words.strip():
            self.tries.answered()
            self.transcript.thought(words.rstrip() + "\n\n")

    def call(self, key: str, **told: str) -> None:
        """A tool call, or more of one, as `Transcript.tool` takes it."""
        self.tries.answered()
        self.transcript.tool(key, **told)

    def key(self, identity: Node) -> str:
        """A tool call's id; a new one if it was given none."""
        if name := one_line(identity.text, KEPT_NAME):
            return name
        self._nameless += 1
        return f"call {self._nameless}"

    def file(self, path: str) -> None:
        """A file that was written."""
        if path:
            self.transcript.file(path)

    def plan(self, steps: Iterable[tuple[str, str]]) -> None:
        """A list of (state in the agent's words, step)."""
        known = [(_STATES.get(state.lower().removeprefix("todo_status_"), "pending"), step) for state, step in steps]
        self.transcript.plan(known[:KEPT_STEPS])


class Growing:
    """Output that is told again and again from its beginning.

    It is worth writing down when it has doubled: that way all of its tellings together are no more than twice the last.
    """

    def __init__(self) -> None:
        self._written: dict[str, int] = {}

    def worth(self, key: str, output: str) -> bool:
        """Whether the output of the call of that key is to be written now."""
        if len(output) < 2 * self._written.get(key, 0) + 1:
            return False
        remember(self._written, key, len(output))
        return True

    def forget(self, key: str) -> None:
        """The call has ended."""
        self._written.pop(key, None)


def remember(known: dict[str, int], key: str, value: int = 0) -> None:
    """Puts `key` into `known`, which forgets its oldest in time."""
    known[key] = value
    if len(known) > KEPT_CALLS:
        known.pop(next(iter(known)))


def retry(reason: str, attempt: Node, of: Node) -> str:
    """Why a request failed, and how often it's tried again."""
    return f"{one_line(reason) or 'no answer'} (retry {attempt.count or 1} of {of.count or '?'})"


def path_of(value: Node) -> str:
    """A path as it was said, on one line."""
    return one_line(value.text, KEPT_PATH)


def tokens(**counts: Node) -> dict[str, Any]:
    """Those of the counts that were told."""
    return {name: count for name, node in counts.items() if (count := node.count) is not None}


def dollars(cost: Node) -> dict[str, Any]:
    """A cost in US dollars, if it was told."""
    return {} if cost.number is None else {"cost": cost.number, "currency": "USD"}


def error_words(error: Node, depth: int = ERROR_DEPTH) -> str:
    """What an error says, be it words, an object with a message, or either of them written as JSON in a string."""
    if depth and (inside := error["error"] or error["message"] or error["detail"]):
        return error_words(inside, depth - 1)
    if depth and (parsed := read_object(error.text)):
        return error_words(parsed, depth - 1) or error.text
    return error.compact
