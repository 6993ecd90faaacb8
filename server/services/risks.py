"""How much attention a revision deserves, and why: sums of a table of weights. It never lands or stops anything."""

from __future__ import annotations

from collections.abc import Sequence

from server.domain.change import Change, Revision
from server.domain.flag import Flag
from server.domain.risk import Risk, RiskLevel
from server.reading.evidence.material import Material
from server.services.narrows import Narrows

MEDIUM, HIGH = 3.0, 6.0  # points from which on
LINES = 100  # changed lines to read for a point


def weigh(narrows: Narrows, change: Change, revision: Revision, material: Material, flags: Sequence[Flag]) -> Risk:  # noqa: ARG001
    """The risk of a revision, from what was found in it and where it lies. It is not stored."""
    reasons = [(revision.reading_lines / LINES, f"{revision.reading_lines} changed lines to read.")]
    points = round(sum(each for each, _ in reasons), 2)
    level = RiskLevel.HIGH if points >= HIGH else RiskLevel.MEDIUM if points >= MEDIUM else RiskLevel.LOW
    return Risk(
        revision_id=revision.id, level=level, points=points, reasons=[[round(each, 2), why] for each, why in reasons]
    )
