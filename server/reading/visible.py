"""Text of unknown origin as HTML that shows everything that is in it, and nothing that it could hide behind."""

from __future__ import annotations

import re
import unicodedata
from html import escape

# Unicode's bidirectional controls make code read differently from what it does (CVE-2021-42574); invisible
# formatting characters hide in names. Both are shown by their numbers.
_DECEPTIVE = "\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad"
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_UNSEEN = re.compile(f"[{_DECEPTIVE}{_CONTROL}\ud800-\udfff\U000e0000-\U000e007f]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def html(text: str) -> str:
    """`text` escaped for HTML (element content or a quoted attribute's), unseen characters as marked numbers."""
    return _UNSEEN.sub(_mark, escape(text))


def plain(text: str) -> str:
    """`text` with unseen characters as `[U+202E]`, for places that take no HTML. Not escaped."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\r" else f"[U+{ord(found[0]):04X}]", text)


def unseen(text: str) -> bool:
    """Whether it holds characters that are shown as marks."""
    return _UNSEEN.search(text) is not None


def deceives(text: str) -> bool:
    """Whether it holds characters that reorder what is read."""
    return _BIDI.search(text) is not None


def _mark(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if code < 0x20:
        return f'<span class="unseen">^{chr(0x40 + code)}</span>'
    if 0xDC80 <= code <= 0xDCFF:
        return f'<span class="unseen" title="a byte that is no UTF-8">\\x{code - 0xDC00:02X}</span>'
    name = unicodedata.name(character, "control character").lower()
    return f'<span class="unseen" title="{name}">U+{code:04X}</span>'
