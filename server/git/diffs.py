"""Differences between two trees, file by file and to the byte."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from server.domain.diff import PAIRED, FileDiff, FileStatus
from server.domain.errors import GitError
from server.git import blobs, soundness
from server.git.commands import run
from server.git.mirrors import guard

# Where too many files were added and deleted, renames are looked for as far as that takes no time, and the reader is
# told: see `renames_unsought`.
TREES = (
    *("-c", "diff.suppressBlankEmpty=false", "diff-tree", "-r", "--ignore-submodules=none", "--no-color"),
    *("--no-relative", "-M", f"-l{PAIRED}"),
)
TEXT = (
    *("-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--submodule=short"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0"),
)
NUMBERS = ("-z", "--raw", "--numstat", "--no-abbrev")
PIECE = re.compile(rb"^diff --git ", re.M)
# Of two blobs. Their diff is made as the one of trees is, whatever the user's configuration says of `git diff`.
TEXTS = (
    *("-c", "diff.suppressBlankEmpty=false", "diff", "--text", "--no-color", "--no-relative"),
    *("--diff-algorithm=myers", "--indent-heuristic", *TEXT),
)
NAMES = re.compile(rb"^--- ", re.M)
HUNK = re.compile(rb"^@@ ", re.M)
TIMEOUT = 600
LARGEST = 400_000_000  # bytes of both sides of all files that differ
ABSENT, GITLINK = "000000", "160000"


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
    """All files that differ between two trees (or commits), in git's order; a few git processes, linear in the text.

    The texts of all files joined, as `patch` does it, turn `base_tree` into exactly `head_tree` with `git apply`.

    Raises:
        TooLarge: these files are more than can be shown.
        GitError: an object that says what differs is not what its name says.
    """
    guard(mirror)
    _expect_sound(mirror, base_tree, head_tree)
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


def _expect_sound(mirror: Path, base_tree: str, head_tree: str) -> None:
    """Compares with its name each object that a reader's trust rests on: the folders down to what differs, and that."""
    command = ("diff-tree", "-r", "-t", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none")
    fields = run(mirror, *command, "--end-of-options", base_tree, head_tree, timeout=TIMEOUT).fields()
    names = [f"{base_tree}^{{tree}}", f"{head_tree}^{{tree}}"]
    for about in fields[::2]:
        *modes, old, new, _ = about[1:].split(" ")
        names += [oid for mode, oid in zip(modes, (old, new), strict=True) if mode not in (ABSENT, GITLINK)]
    soundness.expect(mirror, names, LARGEST)


def patch(files: Iterable[FileDiff]) -> bytes:
    """The texts of the files as one patch for `git apply`."""
    return b"".join(file.text for file in files)


def file_without_whitespace(mirror: Path, file: FileDiff) -> bytes:
    """A file's piece again, with lines that differ in white space alone as the same; for reading, not for `git apply`.

    Empty where white space is all that the file differs in. What has no lines on both sides is as it was.

    Raises:
        GitError: the mirror has not the file's contents any more.
    """
    names = NAMES.search(file.text)
    if names is None or file.status in (FileStatus.ADDED, FileStatus.DELETED, FileStatus.TYPE_CHANGED):
        return file.text
    if not file.new_mode.startswith("100"):  # a link's target or a submodule's commit
        return file.text
    guard(mirror)
    first = HUNK.search(file.text, names.end())
    hunks = _hunks(mirror, file.old_blob, file.new_blob, "--ignore-all-space")
    if hunks and first:
        return file.text[: first.start()] + hunks
    moved = file.old_path is not None or file.old_mode != file.new_mode
    return file.text[: names.start()] if moved else b""


def of_texts(mirror: Path, name: str, old: bytes, new: bytes) -> bytes:
    """How two texts that are no files of a tree differ, as a piece for a file of that plain name; empty: not at all."""
    guard(mirror)
    hunks = _hunks(mirror, blobs.write(mirror, old), blobs.write(mirror, new))
    head = f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n".encode()
    return head + hunks if hunks else b""


def _hunks(mirror: Path, old_blob: str, new_blob: str, *flags: str) -> bytes:
    """The hunks of two blobs as text, whatever bytes they hold."""
    command = (*TEXTS, *flags, "--end-of-options", old_blob, new_blob)
    text = run(mirror, *command, timeout=TIMEOUT).out
    first = HUNK.search(text)
    return text[first.start() :] if first else b""


def summary(mirror: Path, base_tree: str, head_tree: str, renames: str = "-M") -> tuple[list[Entry], list[Counts]]:
    """What became of each file, and how many lines it gained and lost (None for binary files)."""
    command = (*TREES, *NUMBERS, renames, "--end-of-options", base_tree, head_tree)
    return _summed(run(mirror, *command, timeout=TIMEOUT).fields())


def summaries(mirror: Path, *pairs: tuple[str, str]) -> list[tuple[list[Entry], list[Counts]]]:
    """The same of pairs of trees, in one git process.

    Raises:
        GitError: One of them is no tree of the mirror; a commit is none.
    """
    asked = [f"{base} {head}" for base, head in pairs]
    lines = "".join(f"{line}\n" for line in dict.fromkeys(asked)).encode()
    listed = os.fsdecode(run(mirror, *TREES, *NUMBERS, "--stdin", input=lines, timeout=TIMEOUT).out)
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for field in listed.split("\0"):
        line, end, rest = field.partition("\n")
        while end and line in asked:  # each pair's own line is before its first file
            here = found[line] = []
            field = rest
            line, end, rest = field.partition("\n")
        if field:
            here.append(field)
    if len(found) < len(set(asked)):
        raise GitError("What is to be compared are no trees.", stderr=listed)
    return [_summed(found[line]) for line in asked]


def _summed(listed: Iterable[str]) -> tuple[list[Entry], list[Counts]]:
    fields = iter(listed)
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
