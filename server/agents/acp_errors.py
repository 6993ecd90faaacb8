"""What goes wrong in a conversation over ACP, in words; and the library's own complaints, which are kept quiet."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import acp
from pydantic import ValidationError

from server.agents.turns import one_line


def reason(trouble: Exception) -> str:
    """The most telling words of an error: agents put them into the message, into the data, or into JSON in either."""
    candidates = [getattr(trouble, "data", None), str(trouble)]
    for candidate in candidates:
        text = _message_in(candidate)
        if text:
            return one_line(text)
    return type(trouble).__name__


def _message_in(value: object) -> str:
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return _message_in(inner) if isinstance(inner, dict) else value
    if isinstance(value, dict):
        named = (_message_in(value[key]) for key in ("message", "details", "error", "detail") if key in value)
        return next((text for text in named if text), "")
    return ""


class _NotTheLibrary(logging.Filter):
    """The library reports what it does not know as an error, to the root logger and with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = record.exc_info and isinstance(record.exc_info[1], acp.RequestError | ValidationError | ConnectionError)
        return not (known and Path(record.pathname).is_relative_to(Path(acp.__file__).parent))


def quieten_library() -> None:
    """Have the library keep to itself what agents say beside the protocol."""
    root = logging.getLogger()
    if not any(isinstance(known, _NotTheLibrary) for known in root.filters):
        root.addFilter(_NotTheLibrary())
