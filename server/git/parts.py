"""A part of a diff as a tree: the base with the chosen files, or the chosen hunks of them, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from server.domain.base import shown
from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import GitError, Invalid
from server.git import blobs
from server.git.edits import Put, tree_with
from server.git.mirrors import guard

# Which hunks of each file are chosen, by their place in the file's piece of the diff; None: the whole file.
Chosen = Mapping[int, Set[int] | None]

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", re.M)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_PLAIN = ("100644", "100755")
_ABSENT = "000000"


@dataclass(slots=True)
class _Hunk:
    """Lines that are replaced, from line `start` of the old file on, counted from 0; with their ends."""

    start: int
    old: list[bytes] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)


def divisible(file: FileDiff) -> bool:
    """Whether hunks of the file can be chosen one by one: its text changed, and nothing else about it."""
    changed = file.status is FileStatus.MODIFIED and file.old_mode == file.new_mode and file.old_mode in _PLAIN
    return changed and not file.binary


def count_hunks(file: FileDiff) -> int:
    """How many hunks the file's piece of the diff has."""
    return len(_HUNK.findall(file.text))


def tree(mirror: Path, base_tree: str, files: Sequence[FileDiff], chosen: Chosen) -> str:
    """The tree of `base_tree` with the chosen files and hunks, to the byte.

    Args:
        files: The whole diff from `base_tree`, as `diffs.compare` gives it.
        chosen: By the file's place in `files`. Of a file that is not `divisible` the whole is taken or nothing.

    Raises:
        Invalid: a choice is not in the diff, or can't stand without something that was not chosen.
        GitError: the mirror has not the files' contents.
    """
    guard(mirror)
    _check(files, chosen)
    partly = {place: hunks for place, hunks in chosen.items() if hunks is not None}
    contents = blobs.read(mirror, {files[place].old_blob for place in partly}, limit=2**31)
    put, gone = [], []
    for place in sorted(chosen):
        file = files[place]
        if place in partly:
            content = _patched(file, contents.get(file.old_blob), partly[place])
            put.append(Put(file.path, file.new_mode, blobs.write(mirror, content)))
            continue
        gone += _gone(file)
        if file.new_mode != _ABSENT:
            put.append(Put(file.path, file.new_mode, file.new_blob))
    return tree_with(mirror, base_tree, put=put, gone=gone)


def _gone(file: FileDiff) -> list[str]:
    """The names that the file has no more."""
    if file.status is FileStatus.DELETED:
        return [file.path]
    return [file.old_path] if file.status is FileStatus.RENAMED and file.old_path else []


def _check(files: Sequence[FileDiff], chosen: Chosen) -> None:
    for place, hunks in chosen.items():
        if not 0 <= place < len(files):
            raise Invalid("chosen", f"This diff has no file {place}.", "Files are counted from 0, in git's order.")
        file = files[place]
        if hunks is None:
            continue
        if not divisible(file):
            raise Invalid("chosen", f"Of {shown(file.path)} no single hunks can be chosen.", "Choose the whole file.")
        if not hunks or not hunks <= set(range(count_hunks(file))):
            raise Invalid("chosen", f"{shown(file.path)} has {count_hunks(file)} hunks.", "They are counted from 0.")
    _check_places(files, chosen)


def _check_places(files: Sequence[FileDiff], chosen: Collection[int]) -> None:
    """Refuse a file that takes the place of a folder, or the other way round, without what has to go for it."""
    left = {name: file for place, file in enumerate(files) if place not in chosen for name in _gone(file)}
    for place in chosen:
        for name in left:
            path = files[place].path
            if path.startswith(f"{name}/") or name.startswith(f"{path}/"):
                raise Invalid(
                    "chosen",
                    f"{shown(path)} takes the place of {shown(name)}.",
                    f"Choose {shown(left[name].path)}, too.",
                )


def _patched(file: FileDiff, old: bytes | None, chosen: Set[int]) -> bytes:
    """The old content with the chosen hunks."""
    if old is None:
        raise GitError(f"The mirror has not the content of {shown(file.path)} any more.")
    lines = _LINE.findall(old)
    made: list[bytes] = []
    done = 0
    for number, hunk in enumerate(_hunks(file.text)):
        if number not in chosen:
            continue
        end = hunk.start + len(hunk.old)
        if lines[hunk.start : end] != hunk.old:
            raise GitError(f"The stored diff of {shown(file.path)} does not fit its content.")
        made += lines[done : hunk.start] + hunk.new
        done = end
    return b"".join(made + lines[done:])


def _hunks(text: bytes) -> Iterator[_Hunk]:
    """The hunks of a file's piece of a diff."""
    heads = list(_HUNK.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[text.index(b"\n", head.end()) + 1 : following.start() if following else len(text)]
        first, count = int(head[1]), int(head[2] or 1)
        hunk = _Hunk(first - 1 if count else first)  # of no lines, git names the one before
        _fill(hunk, body)
        yield hunk


def _fill(hunk: _Hunk, body: bytes) -> None:
    latest: list[list[bytes]] = []
    for line in _LINE.findall(body):
        mark, content = line[:1], line[1:]
        if mark == b"\\":  # the line before has no end
            for side in latest:
                side[-1] = side[-1].removesuffix(b"\n")
            continue
        latest = [side for side, marks in ((hunk.old, b" -"), (hunk.new, b" +")) if mark in marks]
        for side in latest:
            side.append(content)
