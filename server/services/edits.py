"""Editing a change by hand: a file on the page, or the worktree in the person's own editor; either is a revision."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from server.domain.base import few, shown
from server.domain.change import Change, Revision
from server.domain.errors import NarrowsError, NotFound
from server.domain.project import Project
from server.git import configuration, edits, mirrors, objects, snapshots
from server.git.diffs import summary
from server.git.snapshots import Snapshot
from server.services import changes, checkouts, drafts, revisions
from server.services.narrows import Narrows
from server.store import queries

LARGEST = 300_000  # bytes of a file that is edited on a page
_PLAIN = ("100644", "100755")


class NoText(NarrowsError):
    """A file can't be edited on a page."""

    status = 409
    code = "no_text"

    def __init__(self, message: str) -> None:
        super().__init__(message, "Open it in your own editor instead.")


@dataclass(frozen=True)
class Text:
    """A file as a person edits it: its lines end with a line feed, whatever they end with in the file.

    `key`: where what is typed is kept. It belongs to this content.
    """

    path: str
    text: str
    key: str


def read(narrows: Narrows, change_id: int, number: int, path: str) -> Text:
    """A file of a revision, to be edited.

    Raises:
        NotFound: The revision has no such file.
        NoText: It is no text that a page can edit.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        revision = queries.revision(db, change_id, number)
    content = _content(narrows.mirror(change.project_id), revision, path)
    key = sha256(path.encode(errors="surrogateescape") + b"\0" + content).hexdigest()[:24]
    return Text(path, _unix(_decoded(path, content)), f"change/{change_id}/edit/{key}")


def _content(mirror: Path, revision: Revision, path: str) -> bytes:
    mode = edits.mode_of(mirror, revision.tree, path)
    if mode is None:
        raise NotFound(f"{shown(path)} is not in revision {revision.number}.")
    if mode not in _PLAIN:
        raise NoText(f"{shown(path)} is a link, a folder or a submodule.")
    content = mirrors.read_file(mirror, revision.commit, path, limit=LARGEST)
    if content is None:
        raise NoText(f"{shown(path)} is larger than {LARGEST // 1000} kB.")
    return content


def _decoded(path: str, content: bytes) -> str:
    """The text, if a form gives back just what it was given."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise NoText(f"{shown(path)} is not UTF-8.") from None
    if "\0" in text:
        raise NoText(f"{shown(path)} is binary.")
    if "\r" in text.replace("\r\n", ""):
        raise NoText(f"{shown(path)} has line ends that a page would change.")
    return text


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def edit(narrows: Narrows, change_id: int, *, revision: int, path: str, text: str) -> Revision:
    """A file with another text, as the change's next revision. Its worktree, if it has one, is brought to it.

    Line ends stay as the file has them, and so does the end of its last line.

    Args:
        revision: The number of the newest revision, that was edited.
        text: The whole file, its lines separated by a line feed, or as a form sends them.

    Raises:
        WrongState: The change is not in review, or a newer revision came.
        Unchanged: The text is what it was.
        NoText, NotFound: As for `read`.
    """
    change, project, seen = _editable(narrows, change_id, revision)
    mirror = narrows.mirror(project.id)
    old = _content(mirror, seen, path)
    content = with_line_ends_of(_decoded(path, old), _unix(text)).encode()
    words = f"Edited by hand: {shown(path)}."
    made = _commit(narrows, project, seen, edits.replace_file(mirror, seen.tree, path, content), words)
    fresh = revisions.take_by_hand(narrows, change_id, revision=revision, made=made, summary=words)
    checkouts.follow(narrows, change, project, seen, fresh)
    drafts.forget(narrows, read(narrows, change_id, seen.number, path).key)
    return fresh


def _editable(narrows: Narrows, change_id: int, revision: int) -> tuple[Change, Project, Revision]:
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
    if seen.report is not None:
        raise NoText("This is a report, and has no files.")
    return change, project, seen


def _commit(narrows: Narrows, project: Project, seen: Revision, tree: str, words: str) -> Snapshot:
    mirror, person = narrows.mirror(project.id), configuration.identity(Path(project.path))
    commit = objects.commit(mirror, tree, [seen.base], f"{words}\n", person, person)
    return Snapshot(commit, tree, seen.base, commit)


def with_line_ends_of(old: str, new: str) -> str:
    """The new text with the line ends of the old one: lines that stayed keep theirs, others get what most have.

    Args:
        old: As the file has it.
        new: With line feeds alone.
    """
    if old.endswith("\n") and new and not new.endswith("\n"):
        new += "\n"
    lines, crlf = old.count("\n"), old.count("\r\n")
    if not crlf:
        return new
    if crlf == lines:
        return new.replace("\n", "\r\n")
    return _mixed(old, new, "\r\n" if crlf * 2 >= lines else "\n")


def _mixed(old: str, new: str, most: str) -> str:
    before, after = old.split("\n"), new.split("\n")
    ends = [most] * (len(after) - 1)
    same = difflib.SequenceMatcher(None, [line.removesuffix("\r") for line in before], after, autojunk=False)
    for start, to, size in same.get_matching_blocks():
        for step in range(size):
            if start + step < len(before) - 1 and to + step < len(ends):
                ends[to + step] = "\r\n" if before[start + step].endswith("\r") else "\n"
    return "".join(line + end for line, end in zip(after, [*ends, ""], strict=True))


def take(narrows: Narrows, change_id: int, *, revision: int) -> Revision:
    """What a person edited in the change's worktree, as its next revision.

    Args:
        revision: The number of the newest revision, that was edited.

    Raises:
        WrongState: The change is not in review, or a newer revision came.
        Unchanged: Nothing was edited.
        NotFound: The change has no worktree.
    """
    change, project, seen = _editable(narrows, change_id, revision)
    tree = checkouts.find(narrows, change)
    if tree is None:
        raise NotFound("This change has no worktree now.", "Open it in your editor first: that makes one.")
    mirror = narrows.mirror(project.id)
    made = snapshots.take(
        mirror,
        tree,
        base=revisions.base(mirror, tree, project, seen),
        message="Edited by hand.\n",
        author=configuration.identity(Path(project.path)),
        exclude=project.include,
    )
    if made is None:
        raise revisions.Unchanged(
            "With this nothing of the change is left.", "Abandon the change if that is what you want."
        )
    words = _edited(mirror, seen, made)
    return revisions.take_by_hand(narrows, change_id, revision=revision, made=made, summary=words)


def _edited(mirror: Path, seen: Revision, made: Snapshot) -> str:
    entries, _ = summary(mirror, seen.tree, made.tree)
    names = [shown(entry.path) for entry in entries]
    return f"Edited by hand: {few(names, what=' files')}." if names else "Brought onto another base by hand."
