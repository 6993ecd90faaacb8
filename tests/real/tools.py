"""A script's step as calls of whatever tools the agent offers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from tests.real.scripts import Edit, Read, Shell, Write
from tests.real.wire import CUSTOM, Call, Json

READERS = ("Read", "read_file", "read")
EDITORS = ("Edit", "replace", "edit")
WRITERS = ("Write", "write_file", "write")
SHELLS = ("Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell")
PATHS = ("file_path", "filePath", "absolute_path", "path")
OLD = ("old_string", "oldString", "oldText")
NEW = ("new_string", "newString", "newText")
FILLERS: dict[str, Any] = {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}


class NoToolError(LookupError):
    """The agent offers nothing with which the step could be done."""


def call(step: Read | Edit | Write | Shell, tools: dict[str, Json], folder: str) -> Call:
    """The call that does `step`.

    Args:
        step: What to do; its paths are relative to the worktree.
        tools: The tools on offer, by name, with their JSON schemas.
        folder: The worktree, for tools that want absolute paths; empty when it is not known.

    Raises:
        NoToolError: No tool fits.
    """
    match step:
        case Read(path):
            if name := _first(READERS, tools):
                return _called(name, tools, {PATHS: str(Path(folder, path))})
            return _shell(f"cat {shlex.quote(path)}", tools)
        case Edit(path, old, new):
            if name := _first(EDITORS, tools):
                return _edit(name, tools, str(Path(folder, path)), old, new)
            return _patch(_update(path, old, new), tools)
        case Write(path, content):
            if name := _first(WRITERS, tools):
                return _called(name, tools, {PATHS: str(Path(folder, path)), ("content",): content})
            return _patch(_add(path, content), tools)
        case Shell(command):
            return _shell(command, tools)


def _edit(name: str, tools: dict[str, Json], path: str, old: str, new: str) -> Call:
    if "edits" in _properties(tools[name]):
        return _called(name, tools, {PATHS: path, ("edits",): [{"oldText": old, "newText": new}]})
    return _called(name, tools, {PATHS: path, OLD: old, NEW: new})


def _update(path: str, old: str, new: str) -> list[str]:
    removed = [f"-{line}" for line in old.splitlines()]
    added = [f"+{line}" for line in new.splitlines()]
    return [f"*** Update File: {path}", "@@", *removed, *added]


def _add(path: str, content: str) -> list[str]:
    return [f"*** Add File: {path}", *(f"+{line}" for line in content.splitlines())]


def _patch(lines: list[str], tools: dict[str, Json]) -> Call:
    patch = "\n".join(["*** Begin Patch", *lines, "*** End Patch"])
    if "apply_patch" not in tools:
        return _shell(f"apply_patch <<'PATCH'\n{patch}\nPATCH", tools)
    if tools["apply_patch"].get(CUSTOM):
        return Call("apply_patch", patch)
    return _called("apply_patch", tools, {("input", "patchText", "patch"): patch})


def _shell(command: str, tools: dict[str, Json]) -> Call:
    name = _first(SHELLS, tools)
    if name is None:
        raise NoToolError(f"no shell among {sorted(tools)}")
    wanted = _properties(tools[name]).get("command", {})
    value = ["bash", "-c", command] if wanted.get("type") == "array" else command
    return _called(name, tools, {("command", "cmd"): value})


def _called(name: str, tools: dict[str, Json], values: dict[tuple[str, ...], Any]) -> Call:
    """A call with each value under the first of its names that the tool knows, and whatever else it requires."""
    known = _properties(tools[name])
    arguments = {_first(names, known) or names[0]: value for names, value in values.items()}
    for required in tools[name].get("required") or []:
        arguments.setdefault(required, _filler(known.get(required, {})))
    return Call(name, arguments)


def _filler(schema: Json) -> Any:
    kind = schema.get("type", "string")
    return FILLERS.get((kind[0] if isinstance(kind, list) else kind).lower(), "scripted step")


def _properties(schema: Json) -> Json:
    return schema.get("properties") or {}


def _first(names: tuple[str, ...], among: dict[str, Any]) -> str | None:
    return next((name for name in names if name in among), None)
