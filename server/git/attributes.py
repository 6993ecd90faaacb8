"""The `.gitattributes` of a tree, for a git that merges in a bare repository, where it reads none.

In a checkout `git merge` goes by the files that stand there before it begins, which are the target's. So these, and no
others, are laid out in a folder that git takes for a checkout. A program that they name does not run: git knows no
other ways to merge than its own, as long as no configuration brings any.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from server.git import blobs
from server.git.commands import run

LARGEST = 1_000_000  # bytes of one file, and
MOST = 10_000_000  # of all: a person writes a few lines, an agent may write what fills a disk
TIMEOUT = 600

Attributes = tuple[tuple[str, bytes], ...]  # names as `os.fsdecode` gives them, and contents

# A macro has to be made of one of these, so no file counts where none has one. `diff` is there for renames: of what is
# text, lines are alike whatever ends them.
_WORDS = re.compile(rb"merge|binary|diff|conflict-marker-size")
_IN_NO_CHECKOUT = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)  # so git sees no such file there


def of(mirror: Path, tree: str, objects: Path | None = None) -> Attributes:
    """The attribute files of a tree, by name; none where nothing in them concerns a merge.

    Found once for a tree, and read once where they are the same as another one's.

    Args:
        tree: The id of a tree, which says for ever what is in it.
        objects: A folder of objects on top of the mirror's, where it may be.

    Raises:
        GitError: It is not there.
    """
    listed = _listed(mirror, tree, objects)
    return _read(mirror, listed, objects) if listed else ()


@contextmanager
def laid_out(attributes: Attributes) -> Iterator[Path | None]:
    """A folder that holds them and nothing else, for as long as it is needed; None where there are none."""
    if not attributes:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="narrows-attributes-") as name:
        folder = Path(name)
        for path, content in attributes:
            _write(folder / path, content)
        yield folder


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        if error.errno not in _IN_NO_CHECKOUT:
            raise


@lru_cache(maxsize=256)
def _listed(mirror: Path, tree: str, objects: Path | None) -> tuple[tuple[str, str], ...]:
    """Names and the ids of their contents; links are none of them, as for git."""
    command = ("ls-tree", "-r", "-z", "--full-tree", "--end-of-options", tree)
    out = run(mirror, *command, env=_with(objects), timeout=TIMEOUT).out
    found = (os.fsdecode(entry).split("\t", 1) for entry in out.split(b"\0") if entry.endswith(b".gitattributes"))
    return tuple((name, about.split()[2]) for about, name in found if about.startswith("100") and _counts(name))


def _counts(name: str) -> bool:
    """Whether git looks at it. Of a tree that leads out of itself it makes no checkout."""
    *folders, last = name.split("/")
    return last == ".gitattributes" and ".." not in folders and not name.startswith("/")


@lru_cache(maxsize=16)
def _read(mirror: Path, listed: tuple[tuple[str, str], ...], objects: Path | None) -> Attributes:
    contents = blobs.read(mirror, {oid for _, oid in listed}, LARGEST, _with(objects))
    if not any(map(_WORDS.search, contents.values())):
        return ()
    found, room = [], MOST
    for name, oid in listed:
        if oid in contents and len(contents[oid]) <= room:
            room -= len(contents[oid])
            found.append((name, contents[oid]))
    return tuple(found)


def _with(objects: Path | None) -> dict[str, str]:
    return {"GIT_OBJECT_DIRECTORY": str(objects)} if objects else {}
