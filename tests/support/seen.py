"""What a user has in a work tree, to the byte: to say afterwards that nothing of it is different."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git.index.fun import read_cache

from tests.support.loose import EXECUTABLE, PLAIN, Loose

IDS = Loose()

Content = tuple[str, bytes]  # a file's mode as git prints it, and its bytes


@dataclass(frozen=True)
class Seen:
    """Every file of a work tree with its mode and content, every entry of its index, and where its HEAD is."""

    files: Mapping[str, Content]
    index: Mapping[str, tuple[Any, ...]]
    head: str

    @classmethod
    def of(cls, folder: Path, git_dir: Path) -> Seen:
        found: dict[str, Content] = {}
        for above, folders, names in os.walk(folder):
            if ".git" in folders:
                folders.remove(".git")
            for name in names:
                path = Path(above, name)
                if name != ".git":
                    mode = EXECUTABLE if os.access(path, os.X_OK) else PLAIN
                    found[os.path.relpath(path, folder)] = (mode, path.read_bytes())
        with (git_dir / "index").open("rb") as stream:
            _, entries, _, _ = read_cache(stream)
        index = {
            str(entry.path): (f"{entry.mode:o}", entry.hexsha, entry.stage, entry.flags, entry.extended_flags)
            for entry in entries.values()
        }
        return cls(found, index, (git_dir / "HEAD").read_text())

    def moves(self, landed: Mapping[str, Content | None]) -> dict[str, Content | None]:
        """What of that happens here: a file that its user took out of the index is theirs, and stays when it goes."""
        return {path: content for path, content in landed.items() if content is not None or path in self.index}

    def differences(self, after: Seen, landed: Mapping[str, Content | None]) -> Iterator[str]:
        """Where `after` has something else, but for what landed: path -> its content now, None where it is gone."""
        for path in sorted(self.files.keys() | after.files.keys()):
            wanted = landed[path] if path in landed else self.files.get(path)
            if after.files.get(path) != wanted:
                yield f"the user's file {path} is not what it was"
        for path in sorted(self.index.keys() | after.index.keys()):
            if path not in landed:
                if self.index.get(path) != after.index.get(path):
                    yield f"the user's index has another {path}"
                continue
            content = landed[path]
            entry = after.index.get(path)
            wanted_entry = None if content is None else (content[0], IDS.blob(content[1]), 0)
            if (entry and entry[:3]) != wanted_entry:
                yield f"the user's index has not what landed at {path}"
        if self.head != after.head:
            yield f"the user's HEAD is {after.head.strip()}"
