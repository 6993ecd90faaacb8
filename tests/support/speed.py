"""How long work takes, told by what this machine does in that time: a figure in seconds fails where many share it."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

CALM = 0.025  # seconds that `yardstick` takes on an idle machine of 2026
WORDS = "the same few words, and many numbers: " + " ".join(map(str, range(200)))


def spent(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of this thread for the work, the least of so many tries."""
    return min(_taken(work, times, time.thread_time))


def yardstick() -> float:
    """CPU seconds of this thread for some ordinary Python, the least of a few tries."""
    return spent(_ordinary, times=5)


def here(seconds: float) -> float:
    """How many seconds of this machine, as busy as it is right now, are so many of an idle one; never fewer."""
    return seconds * max(1.0, statistics.median(_taken(_ordinary, 5, time.monotonic)) / CALM)


def _ordinary() -> None:
    counts: dict[str, int] = {}
    for number in range(400):
        for word in re.findall(r"\w+", WORDS):
            counts[f"{word}{number % 7}"] = counts.get(word, 0) + len(word)


def _taken(work: Callable[[], object], times: int, clock: Callable[[], float]) -> list[float]:
    seconds = []
    for _ in range(times):
        began = clock()
        work()
        seconds.append(clock() - began)
    return seconds
