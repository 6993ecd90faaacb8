"""Where less is asked than before: settings, commands that prove something, remarks that hide from a checker."""

from __future__ import annotations

from collections.abc import Iterator

from server.reading.evidence import commands, settings, suppressions
from server.reading.evidence.material import Finding, Material


def find(material: Material) -> Iterator[Finding]:
    """What is said of a line once is not said of it again."""
    seen: set[tuple[str, int | None, str]] = set()
    for finding in (*settings.find(material), *commands.find(material), *suppressions.find(material)):
        place = (finding.path, finding.line, finding.side)
        if finding.line is None or place not in seen:
            seen.add(place)
            yield finding
