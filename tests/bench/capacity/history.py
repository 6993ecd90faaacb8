"""Changes as they were really made: their sizes and places, from public histories."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.reading import order

NEAR = 12  # lines: edits within one such piece of a file conflict
SMALLEST, LARGEST = 3, 600  # changed lines to read of what an agent could have been asked for
_FILE = re.compile(r"\+\+\+ b/(.+)")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
Place = tuple[str, int]  # a file, and a piece of it


@dataclass(frozen=True)
class Work:
    """What a task comes to: changed lines and files that need reading, and the places that it touches."""

    lines: int
    files: int
    places: frozenset[Place]


def read(repository: Path, most: int) -> list[Work]:
    """The newest changes of a repository, oldest first."""
    argv = [
        "git",
        "-C",
        str(repository),
        "log",
        "--no-merges",
        "--first-parent",
        "-p",
        "-U0",
        "--no-color",
        "--no-ext-diff",
    ]
    argv += ["--no-renames", f"--max-count={most}", "--format=%x00"]
    told = subprocess.run(argv, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    found = [_work(piece) for piece in told.split("\0")[1:]]
    return [work for work in reversed(found) if SMALLEST <= work.lines <= LARGEST]


def _work(patch: str) -> Work:
    lines, places = 0, set()
    for path, first, removed, added in _hunks(patch):
        lines += removed + added
        places |= {(path, piece) for piece in range(first // NEAR, (first + removed) // NEAR + 1)}
    return Work(lines, len({path for path, _ in places}), frozenset(places))


def _hunks(patch: str) -> Iterator[tuple[str, int, int, int]]:
    """Path, first old line, removed and added lines of each hunk that somebody reads."""
    path = ""
    for line in patch.splitlines():
        if found := _FILE.match(line):
            path = found[1]
        elif path and not order.folded(path) and (at := _HUNK.match(line)):
            yield path, int(at[1]), int(at[2] or 1), int(at[4] or 1)
