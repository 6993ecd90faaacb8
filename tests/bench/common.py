"""What several benches share: options, a folder to work in, figures that add up, what is said at the end."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

SHOWN = 30  # faults that are printed
OPTIONS: dict[str, dict[str, Any]] = {
    "repositories": {"nargs": "+", "type": Path},
    "--seed": {"type": int, "default": 1},
    "--processes": {"type": int, "default": os.cpu_count()},
}


def options(name: str, description: str | None, *shared: str) -> argparse.ArgumentParser:
    """The reader of a bench's arguments, with those of `OPTIONS` that it wants."""
    wishes = argparse.ArgumentParser(prog=f"python -m tests.bench.{name}", description=description)
    for option in shared:
        wishes.add_argument(option, **OPTIONS[option])
    return wishes


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """A folder that is gone afterwards, in memory where the machine has some."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix=f"narrows-{name}-", dir=memory) as folder:
        yield Path(folder)


@contextmanager
def own_home() -> Iterator[None]:
    """Nothing of the user's is read: this process and those that it starts have an empty HOME."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        yield


class Sum:
    """Figures, lists and counters that add up, field by field."""

    def __iadd__(self, other: Self) -> Self:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def spread(each: Sequence[Any], wanted: int) -> list[Any]:
    """So many of them, at even distances."""
    return list(each) if len(each) <= wanted else [each[n * len(each) // wanted] for n in range(wanted)]


def conclude(faults: Sequence[str], counts: Counter[str] | None = None) -> int:
    """Say how often what happened, and the first faults. Answers with the exit code."""
    for what, count in sorted((counts or Counter()).items()):
        print(f"{count:8,} {what}")
    for words in faults[:SHOWN]:
        print(words)
    return 1 if faults else 0
