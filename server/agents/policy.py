"""What an agent that asks may do: whatever stays inside its worktree.

This is manners and not a sandbox: an agent that doesn't ask can do what its user can do. It keeps a well-behaved
agent from reaching out by mistake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH_FIELDS = frozenset(
    {
        "path", "paths", "file", "files", "file_path", "filepath", "filename", "abs_path", "absolute_path",
        "old_path", "new_path", "source", "destination", "target", "notebook_path",
        "cwd", "workdir", "working_directory", "dir", "dir_path", "directory", "root",
    }
)  # fmt: skip
COMMAND_FIELDS = frozenset({"command", "cmd", "script", "argv", "args"})
CHANGES = frozenset({"edit", "delete", "move"})
# Where programs and their data live: naming one of them in a command is using it.
TOOLS = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix")))
DEVICES = frozenset(map(Path, ("/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty")))


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the agent may, and why not."""

    allowed: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent wants to do: the kind of tool, the paths that it names, the command that it wants to run."""

    kind: str
    paths: tuple[str, ...] = ()
    command: str = ""

    @classmethod
    def about(cls, kind: str | None, title: str, paths: Iterable[str], raw: object) -> Question:
        """Gathers what a tool call says: its declared `paths`, and those in its `raw` input, whatever its shape."""
        named = [*paths, *_values(raw, PATH_FIELDS)]
        command = " ".join(_values(raw, COMMAND_FIELDS))
        if kind == "execute" and not command:
            command = title
        return cls(kind or "other", tuple(named), command)


def decide(question: Question, worktree: Path, also: Iterable[Path] = ()) -> Decision:
    """Allows what stays in `worktree` or concerns exactly a file of `also`; rejects when another path is named.

    Links are followed before the comparison. The worktree's `.git` may be read but not changed.
    """
    root = worktree.resolve()
    files = {path.resolve() for path in also}
    for name in question.paths:
        path = _resolve(name, root)
        if path not in files and not path.is_relative_to(root):
            return Decision(False, f"{name} is outside the worktree")
        if question.kind in CHANGES and path.is_relative_to(root / ".git"):
            return Decision(False, f"{name} belongs to git")
    for name in _paths_in(question.command):
        path = _resolve(name, root)
        if not (path.is_relative_to(root) or path in files or _is_tool(name, path)):
            return Decision(False, f"the command names {name}, which is outside the worktree")
    return Decision(True)


def _resolve(name: str, root: Path) -> Path:
    name = name.removeprefix("file://")
    if name == "~" or name.startswith(("~/", "$HOME", "${HOME}")):
        return Path("/~")  # a person's home is never part of a worktree
    try:
        return Path(os.path.realpath(root / name))
    except (OSError, ValueError):
        return Path("/")


def _is_tool(name: str, path: Path) -> bool:
    return Path(name) in DEVICES or any(path.is_relative_to(folder) for folder in TOOLS)


_WORDS = re.compile(r"[^\s;|&<>()'\"`=]+")


def _paths_in(command: str) -> Iterator[str]:
    for word in _WORDS.findall(command):
        path = re.sub(r"^(?:--?[\w-]+|[\w.@-]+):(?=/)", "", word)
        if "://" in word:
            continue
        if path.startswith(("/", "~", "$HOME", "${HOME}")) or ".." in Path(path).parts:
            yield path


def _values(raw: object, names: frozenset[str]) -> list[str]:
    """The texts in `raw` that stand under one of `names`, at any depth."""
    found: list[str] = []
    waiting: list[tuple[bool, Any]] = [(False, raw)]
    while waiting:
        wanted, value = waiting.pop()
        if isinstance(value, str):
            if wanted:
                found.append(value)
        elif isinstance(value, Mapping):
            waiting += [(_plain(key) in names, inner) for key, inner in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(wanted, inner) for inner in reversed(value)]
    return found


def _plain(key: object) -> str:
    """`filePath` and `file-path` are `file_path`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).replace("-", "_").lower()
