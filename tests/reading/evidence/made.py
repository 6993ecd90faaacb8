"""Changes made up from texts, as detectors get them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from server.domain.diff import FileDiff, FileStatus
from server.domain.review import Side
from server.domain.task import Kind
from server.reading.evidence.material import ChangedFile, Finding, Material

Told = tuple[str, int | None, Side, str]


def changed(path: str, old: str | None, new: str | None, old_path: str | None = None) -> ChangedFile:
    """A file of a diff; None: it is not there on that side."""
    status = FileStatus.ADDED if old is None else FileStatus.DELETED if new is None else FileStatus.MODIFIED
    old_mode, new_mode = ("000000" if text is None else "100644" for text in (old, new))
    old_blob, new_blob = ("0" * 40 if text is None else letter * 40 for text, letter in ((old, "a"), (new, "b")))
    lines = list(difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), "a/x", "b/x", lineterm=""))
    text = "".join(f"{line}\n" for line in (f"diff --git a/{path} b/{path}", *lines)).encode()
    added, removed = (sum(line.startswith(sign) for line in lines[2:]) for sign in "+-")
    status = FileStatus.RENAMED if old_path else status
    diff = FileDiff(path, old_path, status, old_mode, new_mode, old_blob, new_blob, added, removed, None, text)
    return ChangedFile(diff, old, new)


def change(files: Mapping[str, tuple[str | None, str | None]], asked: str = "", kind: Kind = Kind.DIRECTED) -> Material:
    """Files by path: before, and after."""
    return Material([changed(path, *texts) for path, texts in files.items()], asked, kind)


def told(found: Finding) -> Told:
    return found.path, found.line, found.side, found.sentence
