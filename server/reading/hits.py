"""Words that are looked for: whether a text has them, and marks around them in its HTML."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 200  # characters that can be looked for
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': '(?:&quot;|&#34;|")', "'": "(?:&#x27;|&#39;|')"}


@lru_cache(maxsize=64)
def pattern(wanted: str) -> re.Pattern[str]:
    """Finds `wanted` in a text, in whatever case its letters are."""
    return re.compile(re.escape(wanted[:LONGEST]), re.IGNORECASE)


def mark(html: str, wanted: str) -> str:
    """`html` with `<mark>` around `wanted` wherever its text has that between two tags; where nothing is, as it is."""
    return _in_html(wanted).sub(_marked, html) if wanted else html


@lru_cache(maxsize=64)
def _in_html(wanted: str) -> re.Pattern[str]:
    escaped = "".join(_ESCAPED.get(character) or re.escape(character) for character in wanted[:LONGEST])
    return re.compile(f"<[^>]*>|(?P<hit>{escaped})|&[#\\w]{{1,10}};", re.IGNORECASE)


def _marked(found: re.Match[str]) -> str:
    return f"<mark>{found['hit']}</mark>" if found["hit"] else found[0]
