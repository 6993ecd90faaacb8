"""An agent whose model fails tries again, most of them silently: heard of, told, and not waited for without end."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from acp.schema import SessionInfoUpdate

from server.agents.transcripts import Transcript
from server.agents.turns import one_line

PATIENCE = 120.0  # seconds of nothing but failing tries, after which it is hopeless


class Retries:
    """Hears of tries that failed. `hopeless` is set when nothing else is heard for `patience` seconds after the first.

    `last` is what the last of them said.
    """

    def __init__(self, pattern: str, transcript: Transcript, patience: float = PATIENCE) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._transcript = transcript
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        self.hopeless = asyncio.Event()
        self.last = ""

    def hear_error(self, line: str) -> None:
        """A line of standard error."""
        if self._pattern and self._pattern.search(line):
            self.failed(line)

    def hear_update(self, update: object) -> bool:
        """A session update; whether it only tells of a try that failed. Any other means that the model answers."""
        if isinstance(update, SessionInfoUpdate):
            if said := _error_in(update.field_meta):
                self.failed(said)
            return True
        self.answered()
        return False

    def failed(self, said: str) -> None:
        """A try failed, and the agent tries again."""
        said = one_line(said)
        if said != self.last:
            self._transcript.notice(f"Its model fails, it tries again: {said}")
        self.last = said
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self.hopeless.set)

    def answered(self) -> None:
        """Something came after all."""
        self.last = ""
        self.close()

    def close(self) -> None:
        """No more waiting."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _error_in(meta: dict[str, Any] | None) -> str:
    """The words of an error in the `_meta` of a session's information, with the HTTP status if it tells one."""
    for value in (meta or {}).values():
        error = value.get("error") if isinstance(value, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            details = error.get("additionalDetails")
            return f"{error['message']} {details}" if isinstance(details, str) else error["message"]
    return ""
