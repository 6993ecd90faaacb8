"""Programs that speak plain text: all that they print is one message."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from server.agents.streams.reader import KEPT_ERROR, KEPT_NAME, Tries
from server.agents.transcripts import Transcript
from server.agents.turns import plain

BLANK_LINES = 1  # that stay in a row
LINE_LIMIT = 64 * 1024  # characters

# LiteLLM, through which aider and mini-swe-agent reach their models, prints an error and what may be done about it.
_MODEL_ERROR = re.compile(r"litellm\.(?:exceptions\.)?\w*(?:Error|Exception|Timeout)\b")
_BESIDE = re.compile(r"The API provider|Retrying in |You can permanently set your API key|LiteLLM\.Info|Give Feedback")
_AIDER = re.compile(r"Tokens: (?P<sent>[\d.,]+[kM]?) sent, (?P<rest>.*)")
_AIDER_PART = re.compile(r"(?P<count>[\d.,]+[kM]?) (?P<what>cache write|cache hit|received)")
_AIDER_COST = re.compile(r"Cost: \$[\d.]+ message, \$(?P<cost>[\d.]+) session")
_MINI_COST = re.compile(r"mini-swe-agent \(step \d+, \$(?P<cost>[\d.]+)\)")
_NAMES = {"cache write": "cache_write", "cache hit": "cache_read", "received": "output"}
_SCALE = {"k": 1_000, "M": 1_000_000}


class TextReader:
    """Usage is what aider and mini-swe-agent print of it, rounded as they print it; any other program tells none."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        self.transcript = transcript
        self.tries = tries
        self.session: str | None = None
        self.usage: dict[str, Any] = {}
        self.error = ""
        self.failed = False
        self.resets_at: datetime | None = None
        self._blank = BLANK_LINES

    def line(self, text: str) -> None:
        shown = _shown(text)
        if not shown:
            self._blank += 1
            if self._blank <= BLANK_LINES:
                self.transcript.message("\n")
            return
        self.transcript.message(shown + "\n")
        self._judge(shown)
        self._blank = 0
        self._count(shown)

    def end(self) -> None:
        """It has failed if its model's error is the last that it had to say."""
        self.failed = bool(self.error)

    def _judge(self, line: str) -> None:
        if _MODEL_ERROR.match(line):
            self.error = line[:KEPT_ERROR]
        elif self._blank and not _BESIDE.match(line):
            self.error = ""

    def _count(self, line: str) -> None:
        if told := _AIDER.match(line):
            self._add("input", told["sent"])
            for part in _AIDER_PART.finditer(told["rest"]):
                self._add(_NAMES[part["what"]], part["count"])
        if told := _AIDER_COST.search(line) or _MINI_COST.match(line):
            self.usage |= {"cost": _number(told["cost"]), "currency": "USD"}

    def _add(self, name: str, count: str) -> None:
        self.usage[name] = self.usage.get(name, 0) + round(_number(count))


def _shown(text: str) -> str:
    """A line as a terminal would show it in the end: a progress bar is drawn over itself, and stands there once."""
    drawn = [plain(part).rstrip() for part in text[-LINE_LIMIT:].split("\r")]
    return next((part for part in reversed(drawn) if part), "")


def _number(text: str) -> float:
    scale = _SCALE.get(text[-1:], 1)
    try:
        return float(text.rstrip("kM").replace(",", "")[:KEPT_NAME]) * scale
    except ValueError:
        return 0.0
