"""How often files were changed of late, and whether that was ever taken back."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from server.git.commands import run
from server.git.mirrors import guard

LOOKED_AT = 500  # commits
PATHS = 200  # that are asked for at once
TIMEOUT = 30
_FORMAT = "--format=%x01%B%x00"  # no message has a NUL; where one has a \1, it is read from there on
_REVERTS = re.compile(rb"^This reverts commit [0-9a-f]{7,64}\b", re.MULTILINE)


@dataclass(frozen=True)
class Churn:
    """Of the last `commits`: how many changed a file, and how many of these took an earlier one back, by its name."""

    commits: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    reverted: Counter[str] = field(default_factory=Counter)


def churn(mirror: Path, tip: str, paths: Collection[str], most: int = LOOKED_AT) -> Churn:
    """What became of these files in the last `most` commits that lead to `tip`; only the first `PATHS` are asked for.

    Raises:
        GitError: There is no such commit, or git took too long.
        NotFound: There is no mirror.
    """
    asked = [path for path in paths if path][:PATHS]
    if not asked:
        return Churn()
    guard(mirror)
    listed = run(mirror, "rev-list", f"--max-count={most}", "--end-of-options", tip, timeout=TIMEOUT).out
    told = run(
        mirror,
        *("log", "--no-walk=unsorted", "--stdin", "--no-show-signature", "--no-decorate", "--encoding=UTF-8"),
        *("--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", _FORMAT, "--", *asked),
        input=listed,
        timeout=TIMEOUT,
    ).out
    found = Churn(listed.count(b"\n"))
    for commit in told.split(b"\x01")[1:]:
        message, _, names = commit.partition(b"\x00")
        touched = [os.fsdecode(name) for name in names.lstrip(b"\0\n").split(b"\0") if name]
        found.changed.update(touched)
        if _REVERTS.search(message):
            found.reverted.update(touched)
    return found
