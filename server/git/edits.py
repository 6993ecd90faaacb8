"""Trees made from other trees by putting files in and taking files out, without a checkout."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import NotFound
from server.git import blobs
from server.git.commands import run
from server.git.mirrors import guard

_PLAIN = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Put:
    """A file of a tree: its name, its mode as git prints it, the id of its content."""

    path: str
    mode: str
    oid: str


def tree_with(mirror: Path, tree: str, *, put: Iterable[Put] = (), gone: Iterable[str] = ()) -> str:
    """The tree (or commit's tree) `tree` without the files `gone` and with the files `put`.

    A file that is put where a folder was takes the folder's place, and the other way round.

    Raises:
        GitError: the mirror has not `tree`.
    """
    guard(mirror)
    lines = [b"0 " + b"0" * len(tree) + b"\t" + os.fsencode(path) + b"\0" for path in gone]
    lines += [f"{each.mode} {each.oid}\t".encode() + os.fsencode(each.path) + b"\0" for each in put]
    with tempfile.TemporaryDirectory(prefix="narrows-index-") as folder:
        index = Path(folder) / "index"
        run(mirror, "read-tree", "--end-of-options", tree, index=index)
        run(mirror, "update-index", "-z", "--index-info", index=index, input=b"".join(lines))
        return run(mirror, "write-tree", index=index).text


def replace_file(mirror: Path, tree: str, path: str, content: bytes) -> str:
    """The tree with another content of one of its plain files, whose mode stays.

    Raises:
        NotFound: it has no such file, or that is a link, a folder or a submodule.
    """
    guard(mirror)
    mode = mode_of(mirror, tree, path)
    if mode not in _PLAIN:
        raise NotFound("There is no plain file of this name.")
    return tree_with(mirror, tree, put=[Put(path, mode, blobs.write(mirror, content))])


def mode_of(mirror: Path, tree: str, path: str) -> str | None:
    """The mode of what the tree (or commit's tree) has there, as git prints it; None where it has nothing."""
    for entry in run(mirror, "ls-tree", "-z", "--full-tree", "--end-of-options", tree, "--", path).fields():
        about, name = entry.split("\t", 1)
        if name == path:
            return about.partition(" ")[0]
    return None
