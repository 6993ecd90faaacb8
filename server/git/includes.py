"""Files of the user's checkout that git ignores and an agent needs, such as `.env`: copied, never linked."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from server.git.commands import discover, run
from server.git.contents import expect_tree
from server.git.places import place

INCLUDE_FILE = ".worktreeinclude"
FICLONE = 0x40049409  # ioctl_ficlone(2): share the blocks of another file, where the file system can
REAL_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def bring(source: Path, tree: Path, patterns: Sequence[str], mirror: Path | None = None) -> list[str]:
    """Copies untracked files of the user's checkout that match `patterns` to the same names in `tree`.

    Args:
        source: The top of the user's checkout. A file `.worktreeinclude` there adds patterns.
        tree: A worktree of Narrows.
        patterns: In the syntax of gitignore.
        mirror: Where the worktree hangs; found from the tree's own `.git` file when None.

    Returns:
        The names of the files copied, sorted. Left out are names that the worktree tracks, links that lead out of
        the source, and whatever would be written through a link in the tree.

    Raises:
        NotFound: the tree was never prepared, or its folder is gone.
    """
    names = _matching(source, patterns)
    if not names:
        return []
    tracked = _tracked(tree, mirror)
    return [name for name in names if name not in tracked and _bring_one(source, tree, name)]


def _matching(source: Path, patterns: Sequence[str]) -> list[str]:
    wanted = [f"--exclude={pattern}" for pattern in patterns]
    if (source / INCLUDE_FILE).is_file():
        wanted.append(f"--exclude-from={source / INCLUDE_FILE}")
    if not wanted:
        return []
    listed = discover(source, "ls-files", "-z", "--others", "--ignored", *wanted).fields()
    return sorted(name for name in listed if not name.endswith("/") and ".git" not in name.split("/"))


def _tracked(tree: Path, mirror: Path | None) -> set[str]:
    if mirror is None:
        mirror = Path(os.fsdecode((tree / ".git").read_bytes()).removeprefix("gitdir: ").rstrip("\n")).parents[1]
    where = place(mirror, tree)
    expect_tree(where)
    return set(run(where.mirror, "ls-files", "-z", index=where.index).fields())


def _bring_one(source: Path, tree: Path, name: str) -> bool:
    """Copies one file; False when it, or the way to it, is not what it has to be."""
    inside = _inside(source, name)
    if inside is None:
        return False
    *above, last = name.split("/")
    with suppress(OSError), open(inside, "rb", opener=_no_follow) as original:
        mode = os.fstat(original.fileno()).st_mode
        if not stat.S_ISREG(mode):
            return False
        with _folder(tree, above) as folder:
            _copy(original.fileno(), folder, last, stat.S_IMODE(mode) & 0o777)
        return True
    return False


def _inside(source: Path, name: str) -> Path | None:
    """The real file that `name` leads to; None when that is outside of the source, or in its `.git`."""
    try:
        top, real = source.resolve(), (source / name).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if not real.is_relative_to(top) or ".git" in real.relative_to(top).parts:
        return None
    return real


def _no_follow(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


@contextmanager
def _folder(tree: Path, above: Sequence[str]) -> Iterator[int]:
    """The folder `above` in the tree, opened step by step without following a link, made where it is missing."""
    handle = os.open(tree, REAL_FOLDER)
    try:
        for part in above:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=handle)
            inner = os.open(part, REAL_FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _copy(original: int, folder: int, name: str, mode: int) -> None:
    """Writes a new file beside the old one, then takes its place: a link of that name is replaced, not followed."""
    fresh = f".narrows-{os.getpid()}-{original}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as copy:
            _clone(original, copy.fileno())
            os.fchmod(copy.fileno(), mode)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise


def _clone(original: int, copy: int) -> None:
    try:
        fcntl.ioctl(copy, FICLONE, original)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM):
            raise
        with os.fdopen(os.dup(original), "rb") as reader, os.fdopen(os.dup(copy), "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
