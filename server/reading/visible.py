"""Text of unknown origin as HTML that shows everything that is in it, and nothing that it could hide behind."""

from __future__ import annotations

import re
import unicodedata
from html import escape, unescape

# Unicode's bidirectional controls make code read differently from what it does (CVE-2021-42574); invisible
# formatting characters, letters without a shape and selectors of variants hide in names or carry hidden text. All are
# shown by their numbers; but not U+FE0F, which is behind every other emoji.
_DECEPTIVE = "\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad"
_SHAPELESS = "\u115f\u1160\u17b4\u17b5\u180e\u2065\u3164\uffa0\ufff9-\ufffb\ufe00-\ufe0e\U000e0100-\U000e01ef"
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_UNSEEN = re.compile(f"[{_DECEPTIVE}{_SHAPELESS}{_CONTROL}\ud800-\udfff\U000e0000-\U000e007f]")

_MARK = re.compile(r'<span class="unseen"[^>]*>([^<]*)</span>')
_TAG = re.compile("<[^>]*>")


def html(text: str) -> str:
    """`text` escaped for HTML (element content or a quoted attribute's), unseen characters as marked numbers."""
    return _UNSEEN.sub(_mark, escape(text))


def plain(text: str) -> str:
    """`text` with unseen characters as `[U+202E]`, for places that take no HTML. Not escaped."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\r" else f"[U+{ord(found[0]):04X}]", text)


def text(html: str) -> str:
    """What `html` was made of: the inverse, whatever tags were put around its characters since."""
    return unescape(_TAG.sub("", _MARK.sub(_unmark, html)))


def _mark(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if code < 0x20:
        return f'<span class="unseen">^{chr(0x40 + code)}</span>'
    if 0xDC80 <= code <= 0xDCFF:
        return f'<span class="unseen" title="a byte that is no UTF-8">\\x{code - 0xDC00:02X}</span>'
    name = unicodedata.name(character, "control character").lower()
    return f'<span class="unseen" title="{name}">U+{code:04X}</span>'


def _unmark(mark: re.Match[str]) -> str:
    """The character behind a mark. `&`, `<` and `>` never are."""
    shown = mark[1]
    if shown.startswith("^"):
        return chr(ord(shown[1]) - 0x40)
    if shown.startswith("\\x"):
        return chr(0xDC00 + int(shown[2:], 16))
    return chr(int(shown[2:], 16))
