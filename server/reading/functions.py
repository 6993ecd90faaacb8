"""Which functions a diff changes, as far as git's section headings tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

HEADING = re.compile(rb"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@ (.+)$", re.MULTILINE)
CALLED = re.compile(r"([\w$~]+(?:(?:::|\.)[\w$~]+)*)\s*\(")
KEYWORDS = "class|struct|enum|interface|trait|impl|module|namespace|type|def|fn|func|function|sub"
NAMED = re.compile(rf"\b(?:{KEYWORDS})\s+(?:\([^)]*\)\s*)?([\w$:.]+)")  # Go's methods have a receiver in between
LONGEST = 60  # characters of a heading that names nothing


def functions(texts: Iterable[bytes]) -> frozenset[str]:
    """The names in the section headings of these diffs' hunks: the function, class or heading above each."""
    return frozenset(
        _name(heading.decode(errors="replace").strip()) for text in texts for heading in HEADING.findall(text)
    )


def _name(heading: str) -> str:
    """What a heading's line is called: what a keyword names, else what its bracket follows, else the line itself."""
    found = NAMED.search(heading) or CALLED.search(heading)
    return found[1] if found else heading[:LONGEST]
