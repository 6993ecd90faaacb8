"""What became of a file that its rows alone don't say, in sentences. Names and texts in them are not escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.domain.diff import FileDiff, FileStatus
from server.reading.row import Row, RowKind

LINK, SUBMODULE = "120000", "160000"
SHORT = 12  # characters of a commit's id
_KINDS = {LINK: "a symbolic link", SUBMODULE: "a submodule"}
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # how a text in UTF-16 begins


def is_file(mode: str) -> bool:
    """Whether it is a file's mode, and not that of a link, a submodule or nothing."""
    return mode.startswith("100")


def of_rows(file: FileDiff, rows: Sequence[Row]) -> list[str]:
    """Sentences to stand above a file's rows."""
    said = []
    if file.status is FileStatus.TYPE_CHANGED:
        said.append(f"It was {_kind(file.old_mode)}, and is {_kind(file.new_mode)} now.")
    if LINK in (file.old_mode, file.new_mode):
        said.append(_link(_text(rows, RowKind.REMOVED, file.old_mode), _text(rows, RowKind.ADDED, file.new_mode)))
    if SUBMODULE in (file.old_mode, file.new_mode):
        said.append(_submodule(file))
    if ends := _line_ends(rows):
        said.append(ends)
    if any("\ud800" <= character <= "\udfff" for row in rows for character in _odd(row.text)):
        said.append("Some bytes here are no UTF-8; they are shown by their numbers.")
    return said


def why_empty(file: FileDiff, sizes: Mapping[str, int], contents: Mapping[str, bytes]) -> str:
    """Why a file of a diff has no rows.

    Args:
        sizes: Bytes by blob, as far as they are known.
        contents: The files' bytes by blob, as far as they are known.
    """
    if file.old_blob == file.new_blob:
        return _same_content(file)
    if file.binary:
        return _binary(file, sizes, contents)
    if file.status is FileStatus.DELETED:
        return "An empty file was removed."
    return "An empty file."


def _same_content(file: FileDiff) -> str:
    if file.status is FileStatus.RENAMED:
        return "Moved; the content is the same."
    if file.status is FileStatus.COPIED:
        return "Copied; the content is the same."
    return "Only the mode changed."


def _binary(file: FileDiff, sizes: Mapping[str, int], contents: Mapping[str, bytes]) -> str:
    wide = any(contents.get(blob, b"").startswith(_WIDE) for blob in (file.old_blob, file.new_blob))
    what = "A text in UTF-16, which is binary to git" if wide else "A binary file"
    old, new = sizes.get(file.old_blob), sizes.get(file.new_blob)
    if old is not None and new is not None:
        return f"{what}: {_bytes(old)} before, {_bytes(new)} now."
    if file.status is FileStatus.ADDED and new is not None:
        return f"{what} of {_bytes(new)} is new."
    if file.status is FileStatus.DELETED and old is not None:
        return f"{what} of {_bytes(old)} was removed."
    return f"{what}: git has no lines to show."


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' * (count != 1)}"


def _kind(mode: str) -> str:
    return _KINDS.get(mode, "a file")


def _text(rows: Sequence[Row], kind: RowKind, mode: str) -> str:
    """All lines of one side of a link, for its target may have several; nothing where that side is no link."""
    return "\n".join(row.text for row in rows if row.kind is kind) if mode == LINK else ""


def _link(old: str, new: str) -> str:
    if old and new:
        return f"The link pointed to {old}, and points to {new} now."
    return f"The link points to {new}." if new else f"The link pointed to {old}."


def _submodule(file: FileDiff) -> str:
    old = file.old_blob[:SHORT] if file.old_mode == SUBMODULE else ""
    new = file.new_blob[:SHORT] if file.new_mode == SUBMODULE else ""
    if old and new:
        return f"The submodule was at commit {old}, and is at {new} now."
    return f"The submodule is at commit {new}." if new else f"The submodule was at commit {old}."


def _line_ends(rows: Sequence[Row]) -> str:
    """Whether nothing but the lines' ends changed."""
    removed = [row.text for row in rows if row.kind is RowKind.REMOVED]
    added = [row.text for row in rows if row.kind is RowKind.ADDED]
    if not removed or removed == added or len(removed) != len(added):
        return ""
    if [text.removesuffix("\r") for text in removed] != [text.removesuffix("\r") for text in added]:
        return ""
    if not any(text.endswith("\r") for text in removed):
        return "Only line ends changed: LF became CRLF."
    if not any(text.endswith("\r") for text in added):
        return "Only line ends changed: CRLF became LF."
    return "Only line ends changed: CRLF became LF, and LF became CRLF."


def _odd(text: str) -> str:
    return "" if text.isascii() else text
