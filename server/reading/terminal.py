"""What a program wrote for a terminal, as text: without its colours, and as it stood at the end of each line."""

from __future__ import annotations

import re

# ECMA-48: control sequences (CSI), strings (OSC, DCS, SOS, PM, APC) up to their terminator or line end, and the rest.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])")
_UNFINISHED = re.compile(r"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]{0,500}\x1b?|[ -/]*)|\r)\Z")
_RETURNS = re.compile(r"\r+(?=\n|\Z)")
_OVERWRITTEN = re.compile(r"^[^\n]*\r", re.MULTILINE)


def plain(text: str) -> str:
    """`text` without escapes; of a line that was written over, such as a progress bar, what was there last."""
    return _OVERWRITTEN.sub("", _RETURNS.sub("", _ESCAPES.sub("", text)))


def whole(text: str) -> str:
    """`text` up to an escape, or a carriage return, at its end of which more may be still to come."""
    return _UNFINISHED.sub("", text)
