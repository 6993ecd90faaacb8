"""Where the parts of one worktree are, and how they are taken away without touching anything else.

A worktree has three parts: the `tree` that the agent has; its git folder (`admin`, below the mirror's `worktrees`),
which the agent's git writes to; and a `private` folder that only Narrows uses. The private index is what Narrows
compares a tree with: whatever an agent does to its own index (skip-worktree bits, forged times, a stale lock) hides
nothing from it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.git.commands import run


@dataclass(frozen=True, slots=True)
class Place:
    mirror: Path
    tree: Path
    admin: Path
    private: Path

    @property
    def index(self) -> Path:
        """The index as it was when the tree was prepared: every stat in it is true."""
        return self.private / "index"

    @property
    def commit(self) -> Path:
        """Names the commit that the tree was prepared at."""
        return self.private / "commit"

    @property
    def agents_index(self) -> Path:
        return self.admin / "index"

    @property
    def prepared(self) -> bool:
        return self.index.is_file() and self.commit.is_file()

    def prepared_commit(self) -> str:
        return self.commit.read_text().strip()

    def head(self) -> str | None:
        """The commit that the agent's own HEAD is at; None when the agent broke it."""
        found = run(
            self.admin,
            *("rev-parse", "--quiet", "--verify", "HEAD^{commit}"),
            ok=(0, 1, 128),
            env={"GIT_COMMON_DIR": str(self.mirror)},
        )
        return None if found.code else found.text


def place(mirror: Path, tree: Path) -> Place:
    """The parts of the worktree at `tree`, whether they exist or not; the names follow from the path alone."""
    mirror, tree = Path(os.path.abspath(mirror)), Path(os.path.abspath(tree))  # noqa: PTH100 — symlinks stay
    name = f"{tree.name}-{hashlib.sha256(os.fsencode(tree)).hexdigest()[:12]}"
    return Place(mirror, tree, mirror / "worktrees" / name, mirror / "narrows" / name)


def is_folder(path: Path) -> bool:
    """Whether `path` itself is a folder, and not a link to one."""
    return path.is_dir() and not path.is_symlink()


def erase(path: Path) -> None:
    """Removes a file, a link (never what it points to) or a folder with all that is in it, whatever its rights."""
    if not is_folder(path):
        with suppress(FileNotFoundError):
            path.unlink()
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        _make_writable(path)
        shutil.rmtree(path)


def _make_writable(folder: Path) -> None:
    folder.chmod(0o700)
    for parent, names, _ in os.walk(folder):
        for name in names:
            if is_folder(Path(parent, name)):
                Path(parent, name).chmod(0o700)
