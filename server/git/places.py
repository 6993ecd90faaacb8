"""Where the parts of one worktree are, and how they are taken away without touching anything else.

A worktree has three parts: the `tree` that the agent has; its git folder (`admin`, below the mirror's `worktrees`),
which the agent's git writes to; and a `private` folder that only Narrows uses. The private index is what Narrows
compares a tree with: whatever an agent does to its own index (skip-worktree bits, forged times, a stale lock) hides
nothing from it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError
from server.files import open_to_read
from server.git.commands import run

REAL_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PATIENCE = 10  # seconds; reading a ref takes none
_seals: dict[Path, tuple[int, int]] = {}


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

    def seal(self) -> None:
        """Remembers the private index as Narrows left it. Nobody can write to it without the kernel's noting when."""
        _seals[self.index] = self._seal()

    @property
    def sealed(self) -> bool:
        """Whether the private index is as this process left it, so that what it says of files can be believed."""
        return _seals.get(self.index) == self._seal()

    def _seal(self) -> tuple[int, int]:
        about = self.index.lstat()
        return about.st_ino, about.st_ctime_ns

    @property
    def prepared(self) -> bool:
        return self.index.is_file() and self.commit.is_file()

    def prepared_commit(self) -> str:
        return self.commit.read_text().strip()

    def head(self) -> str | None:
        """The commit that the agent's own HEAD is at; None when the agent broke it."""
        file = open_to_read(self.admin / "HEAD")
        if file is None:
            return None
        file.close()
        try:
            found = run(
                self.admin,
                *("rev-parse", "--quiet", "--verify", "HEAD^{commit}"),
                ok=(0, 1, 128),
                env={"GIT_COMMON_DIR": str(self.mirror)},
                timeout=PATIENCE,
            )
        except GitError:  # the ref that it names is a pipe
            return None
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
    except (OSError, RecursionError):
        _erase_step_by_step(path)


def _erase_step_by_step(top: Path) -> None:
    """Removes a folder with a handle on one folder at a time, so that no depth is too deep and no path too long.

    Raises:
        OSError: something can't be removed, or somebody moves folders about at this moment.
    """
    top.chmod(0o700)
    here = os.open(top, REAL_FOLDER)
    above: list[tuple[os.stat_result, str, list[str]]] = []
    try:
        left = _folders_alone(here)
        while left or above:
            if left:
                name = left.pop()
                above.append((os.fstat(here), name, left))
                os.chmod(name, 0o700, dir_fd=here)
                here = _step(here, name)
                left = _folders_alone(here)
            else:
                was, name, left = above.pop()
                here = _step(here, "..")
                if not os.path.samestat(os.fstat(here), was):
                    raise OSError(errno.ESTALE, "A folder was moved while it was removed", str(top))
                os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)
    top.rmdir()


def _step(here: int, name: str) -> int:
    """A handle on that folder, instead of the one on `here`."""
    there = os.open(name, REAL_FOLDER, dir_fd=here)
    os.close(here)
    return there


def _folders_alone(here: int) -> list[str]:
    """Removes all but the folders in a folder, and names these."""
    with os.scandir(here) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, folder in found:
        if not folder:
            os.unlink(name, dir_fd=here)
    return [name for name, folder in found if folder]
