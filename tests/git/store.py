"""A bare repository that trees are put into, and patches applied in."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.git.commands import run

GITLINK = "160000"

Trees = dict[str, tuple[str, bytes]]


@dataclass
class Store:
    mirror: Path

    def tree(self, files: Trees) -> str:
        """Stores name → (mode, content); a submodule's content is its commit."""
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            lines = b"".join(
                f"{mode} {self._oid(mode, content)}\t".encode() + os.fsencode(name) + b"\0"
                for name, (mode, content) in files.items()
            )
            run(self.mirror, "update-index", "-z", "--index-info", index=index, input=lines)
            return run(self.mirror, "write-tree", index=index).text

    def _oid(self, mode: str, content: bytes) -> str:
        if mode == GITLINK:
            return content.decode()
        return run(self.mirror, "hash-object", "-w", "--no-filters", "--stdin", input=content).text

    def apply(self, base: str, text: bytes) -> str:
        """The tree that `git apply` makes of `base`."""
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            run(self.mirror, "read-tree", base, index=index)
            if text:
                command = ("apply", "--cached", "--whitespace=nowarn", "--binary")
                run(self.mirror, *command, index=index, work_tree=Path(folder), input=text)
            return run(self.mirror, "write-tree", index=index).text


def plain(content: bytes | str) -> tuple[str, bytes]:
    return "100644", content.encode() if isinstance(content, str) else content
