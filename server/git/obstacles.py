"""What in a worktree holds git up for ever, or makes it pass files over with a mere warning: found before git looks.

git opens its rules, and what lies in a nested `.git`, without asking what they are, so that a pipe there holds it up.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

RULES = frozenset({".gitignore", ".gitattributes", ".gitmodules"})
LARGEST_RULES = 100 << 20  # bytes; newer versions of git read no larger ones, older ones take them into memory


@dataclass(slots=True)
class Obstacles:
    """Names in the tree: what git would be held up by, and folders that can't be opened ("" is the tree itself)."""

    traps: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def find(tree: Path) -> Obstacles:
    """Looks through the whole tree: what is ignored is known only to a git that has read the rules.

    No link is followed, and nothing is opened but folders.
    """
    found = Obstacles()
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(tree / folder) as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif _holds_up(entry, name):
                        found.traps.append(name)
        except OSError:
            found.closed.append(folder)
    return found


def _holds_up(entry: os.DirEntry[str], name: str) -> bool:
    if entry.name in RULES:  # git follows no link to them
        return not entry.is_symlink() and not _is_file(entry, LARGEST_RULES)
    return "/.git/" in name and not _is_file(entry)


def _is_file(entry: os.DirEntry[str], largest: int | None = None) -> bool:
    try:
        about = entry.stat()
    except OSError:  # a link to nowhere, or to itself
        return True
    return stat.S_ISREG(about.st_mode) and (largest is None or about.st_size <= largest)
