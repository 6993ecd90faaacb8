"""Opening files in a folder that an agent can reach: it may have put a link or a pipe where a file belongs."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import BinaryIO

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_to_read(path: Path) -> BinaryIO | None:
    """The plain file at `path`; None when there is none, or when it is anything else (a link is not followed)."""
    descriptor = _open(path, os.O_RDONLY)
    return None if descriptor is None else os.fdopen(descriptor, "rb")


def read_text(path: Path) -> str | None:
    """All of the plain file at `path`, where it is not UTF-8 with replacements; None when there is none."""
    file = open_to_read(path)
    if file is None:
        return None
    with file:
        return file.read().decode("utf-8", "replace")


def open_below(folder: Path, name: str) -> BinaryIO | None:
    """The plain file `name`, in `folder` or in folders below it; None when there is none. No link on the way there is
    followed, so that it lies in no other folder.
    """
    *above, last = name.split("/")
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for each in above:
            there = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = there
        descriptor = _open(Path(last), os.O_RDONLY, here)
    except OSError:
        return None
    finally:
        os.close(here)
    return None if descriptor is None else os.fdopen(descriptor, "rb")


def open_to_append(path: Path) -> BinaryIO:
    """The plain file at `path`, unbuffered; whatever else stands there is moved aside.

    Raises:
        OSError: the folder can't be written to.
    """
    descriptor = _open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if descriptor is None:
        move_aside(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _SAFELY, 0o644)
    return os.fdopen(descriptor, "ab", buffering=0)


def write_anew(path: Path, data: bytes) -> None:
    """A new file at `path` with `data`; what stood there before is replaced and not written through.

    Raises:
        OSError: the folder can't be written to.
    """
    if path.is_dir() and not path.is_symlink():
        move_aside(path)
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    new.write_bytes(data)
    new.replace(path)


def move_aside(path: Path) -> None:
    """Gives `path` another name in its folder."""
    path.rename(path.with_name(f"{path.name}.aside-{uuid.uuid4().hex[:8]}"))


def _open(path: Path, flags: int, folder: int | None = None) -> int | None:
    try:
        descriptor = os.open(path, flags | _SAFELY, 0o644, dir_fd=folder)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None
