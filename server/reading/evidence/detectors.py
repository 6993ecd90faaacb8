"""Every detector, in the order in which what they find is shown."""

from __future__ import annotations

from server.reading.evidence import dependencies, far, secrets, weakened
from server.reading.evidence.material import Detector

EVERY: tuple[Detector, ...] = (
    weakened.find,
    secrets.find,
    dependencies.find,
    far.find,
)
