"""An agent whose model fails tries again, most of them silently: heard of, told, and not waited for without end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from acp.schema import SessionInfoUpdate

from server.agents.transcripts import Transcript
from server.agents.turns import one_line

PATIENCE = 90.0  # seconds of nothing but failing tries, after which it is hopeless
TRIES_AGAIN = "Its model fails, it tries again:"


class Retries:
    """Hears of tries that failed. `hopeless` is set when nothing else is heard for `PATIENCE` seconds after the first.

    `last` is what the last of them said, and empty once something else was heard; `any` says whether there were any.
    """

    def __init__(self, pattern: str, transcript: Transcript) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._transcript = transcript
        self._timer: asyncio.TimerHandle | None = None
        self.hopeless = asyncio.Event()
        self.last = ""
        self.any = False

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
            self._transcript.notice(f"{TRIES_AGAIN} {said}")
        self.last, self.any = said, True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE, self.hopeless.set)

    def answered(self) -> None:
        """Something came after all."""
        self.last = ""
        self.close()

    def close(self) -> None:
        """No more waiting."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


def failure_in(meta: Mapping[str, Any] | None, severity: str) -> tuple[str, str]:
    """A typed failure's words and category from anywhere in a message's `_meta`; both empty where there is none.

    Its severity is "warning" while the agent tries again, and "error" when it has given up.
    """
    for value in (meta or {}).values():
        if not isinstance(value, dict):
            continue
        failure = value.get("sessionFailure")
        if isinstance(failure, dict) and failure.get("severity") == severity:
            return str(failure.get("title") or "it does not say why"), str(failure.get("category"))
        if (found := failure_in(value, severity))[0]:
            return found
    return "", ""


def _error_in(meta: Mapping[str, Any] | None) -> str:
    """The words of a try that failed in the `_meta` of a session's information."""
    if said := failure_in(meta, "warning")[0]:
        return said
    for value in (meta or {}).values():
        error = value.get("error") if isinstance(value, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            details = error.get("additionalDetails")
            return f"{error['message']} {details}" if isinstance(details, str) else error["message"]
    return ""
