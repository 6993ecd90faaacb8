"""Differences between two trees, file by file and to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import GitError
from server.git.commands import run
from server.git.mirrors import guard

# `-l0`: renames are looked for among all files, never quietly among none of them.
TREES = (
    *("-c", "diff.suppressBlankEmpty=false", "diff-tree", "-r", "--ignore-submodules=none", "--no-color"),
    *("--no-relative", "-M", "-l0"),
)
TEXT = (
    *("-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--submodule=short"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0"),
)
PIECE = re.compile(rb"^diff --git ", re.M)
TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of `git diff --raw`, in its order."""

    status: FileStatus
    similarity: int | None
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    old_path: str | None
    path: str


Counts = tuple[int | None, int | None]


def compare(mirror: Path, base_tree: str, head_tree: str) -> list[FileDiff]:
    """All files that differ between two trees (or commits), in git's order; two git processes, linear in the text.

    The texts of all files joined, as `patch` does it, turn `base_tree` into exactly `head_tree` with `git apply`.
    """
    guard(mirror)
    renames = "-M"
    entries, counts = summary(mirror, base_tree, head_tree)
    if _folder_replaces_moved_link(entries):
        renames = "--no-renames"
        entries, counts = summary(mirror, base_tree, head_tree, renames)
    if not entries:
        return []
    text = run(mirror, *TREES, *TEXT, renames, "--end-of-options", base_tree, head_tree, timeout=TIMEOUT).out
    pieces = _pieces(text)
    return [
        FileDiff(
            path=entry.path,
            old_path=entry.old_path,
            status=entry.status,
            old_mode=entry.old_mode,
            new_mode=entry.new_mode,
            old_blob=entry.old_blob,
            new_blob=entry.new_blob,
            additions=additions,
            deletions=deletions,
            similarity=entry.similarity,
            text=_take(pieces, entry),
        )
        for entry, (additions, deletions) in zip(entries, counts, strict=True)
    ]


def patch(files: Iterable[FileDiff]) -> bytes:
    """The texts of the files as one patch for `git apply`."""
    return b"".join(file.text for file in files)


def summary(mirror: Path, base_tree: str, head_tree: str, renames: str = "-M") -> tuple[list[Entry], list[Counts]]:
    """What became of each file, and how many lines it gained and lost (None for binary files)."""
    command = (*TREES, "-z", "--raw", "--numstat", "--no-abbrev", renames)
    out = run(mirror, *command, "--end-of-options", base_tree, head_tree, timeout=TIMEOUT)
    fields = iter(out.fields())
    entries: list[Entry] = []
    counts: list[Counts] = []
    for field in fields:
        if field.startswith(":"):
            entries.append(_entry(field, fields))
        else:
            counts.append(_count(field, fields))
    return entries, counts


def _folder_replaces_moved_link(entries: Iterable[Entry]) -> bool:
    """Whether a symlink moved away and a folder took its name.

    The text of a plain rename has no mode, so `git apply` would not see that the link goes, and refuse to write
    below it. Such a diff is made without renames.
    """
    moved = {entry.old_path for entry in entries if entry.old_path and entry.old_mode == "120000"}
    return bool(moved) and any(
        entry.path.startswith(f"{link}/") for link in moved for entry in entries if entry.new_mode != "000000"
    )


def _entry(about: str, fields: Iterator[str]) -> Entry:
    old_mode, new_mode, old_blob, new_blob, letter = about[1:].split(" ")
    status = FileStatus(letter[0])
    moved = status in (FileStatus.RENAMED, FileStatus.COPIED)
    old_path = next(fields) if moved else None
    similarity = int(letter[1:]) if moved else None
    return Entry(status, similarity, old_mode, new_mode, old_blob, new_blob, old_path, next(fields))


def _count(about: str, fields: Iterator[str]) -> Counts:
    additions, deletions, path = about.split("\t", 2)
    if not path:  # a rename: both names follow
        next(fields)
        next(fields)
    return (None, None) if additions == "-" else (int(additions), int(deletions))


def _pieces(text: bytes) -> Iterator[bytes]:
    """The patch cut before each `diff --git`. Lines of content never start with it: they have a mark before them."""
    starts = [match.start() for match in PIECE.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def _take(pieces: Iterator[bytes], entry: Entry) -> bytes:
    """The piece of one file. A change of type is two of them: the old thing deleted, the new one created."""
    parts = 2 if entry.status is FileStatus.TYPE_CHANGED else 1
    taken = [next(pieces, b"") for _ in range(parts)]
    if not all(taken):
        raise GitError(f"git gave no text for {entry.path!r}.")
    return b"".join(taken)
