"""Every detector, in the order in which what they find is shown."""

from __future__ import annotations

from server.reading.evidence import dependencies, far, secrets, test_edits, weakened
from server.reading.evidence.material import Detector

EVERY: tuple[Detector, ...] = (
    test_edits.find,
    weakened.find,
    secrets.find,
    dependencies.find,
    far.find,
)
