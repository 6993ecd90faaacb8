"""Git objects written by hand, without a process for each: for benches that need thousands of trees and commits."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.support.repositories import USER

Files = Mapping[str, tuple[str, bytes]]  # path -> mode as git prints it, content

PLAIN, EXECUTABLE = "100644", "100755"


def files(contents: Mapping[str, bytes]) -> Files:
    """Plain files with these contents."""
    return {path: (PLAIN, content) for path, content in contents.items()}


@dataclass(frozen=True)
class Loose:
    """The object folder of a repository; None only tells the ids."""

    folder: Path | None = None

    def blob(self, content: bytes) -> str:
        return self._put(b"blob", content)

    def tree(self, files: Files) -> str:
        """The tree of these files, with the trees below it."""
        return self._tree(sorted((os.fsencode(path).split(b"/"), *about) for path, about in files.items()))

    def commit(self, tree: str, parents: Sequence[str] = (), message: str = "made\n", date: int = 1_700_000_000) -> str:
        who = f"{USER[0]} <{USER[1]}> {date} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
        return self._put(b"commit", ("\n".join(lines) + f"\n\n{message}").encode())

    def _tree(self, entries: list[tuple[list[bytes], str, bytes]]) -> str:
        listed = []
        for name, group in groupby(entries, key=lambda entry: entry[0][0]):
            below = list(group)
            if len(below[0][0]) == 1:
                _, mode, content = below[0]
                listed.append((name, mode, self.blob(content)))
            else:
                listed.append((name + b"/", "40000", self._tree([(path[1:], *about) for path, *about in below])))  # type: ignore[misc]
        listed.sort(key=lambda entry: entry[0])  # git compares a folder's name with a slash behind it
        lines = (mode.encode() + b" " + name.rstrip(b"/") + b"\0" + bytes.fromhex(oid) for name, mode, oid in listed)
        return self._put(b"tree", b"".join(lines))

    def _put(self, kind: bytes, content: bytes) -> str:
        whole = kind + b" %d\0" % len(content) + content
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        if self.folder is not None:
            file = self.folder / oid[:2] / oid[2:]
            if not file.exists():
                file.parent.mkdir(exist_ok=True)
                fresh = file.with_name(f"{file.name}.{os.getpid()}")
                fresh.write_bytes(zlib.compress(whole, 1))
                fresh.rename(file)
        return oid
