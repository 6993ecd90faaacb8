"""When the person read: a person has one pair of eyes, so no moment counts twice, whatever windows say."""

from __future__ import annotations

from bisect import insort
from datetime import datetime

MOST = 200  # stretches that are remembered: windows tell of the last minutes only
NEXT_TO = 0.05  # seconds between two stretches that are one


class Eyes:
    """The stretches of time that were counted, oldest first and apart from each other.

    Not to be used by two threads at once: whoever counts has the write transaction.
    """

    def __init__(self) -> None:
        self._stretches: list[tuple[float, float]] = []
        self._before = 0.0  # all up to then counts as told

    def counted_until(self, moment: datetime) -> None:
        """What was before the first stretch that is known here is not counted again."""
        if not self._stretches:
            self._before = max(self._before, moment.timestamp())

    def take(self, begin: float, end: float) -> float:
        """Count a stretch, in seconds since 1970; answers with how many of its seconds were not counted yet."""
        begin = max(begin, self._before)
        if end <= begin:
            return 0.0
        over = [(b, e) for b, e in self._stretches if b <= end + NEXT_TO and e >= begin - NEXT_TO]
        fresh = end - begin - sum(max(0.0, min(end, e) - max(begin, b)) for b, e in over)
        for stretch in over:
            self._stretches.remove(stretch)
        insort(self._stretches, (min([begin, *(b for b, _ in over)]), max([end, *(e for _, e in over)])))
        while len(self._stretches) > MOST:
            self._before = self._stretches.pop(0)[1]
        return max(0.0, fresh)
