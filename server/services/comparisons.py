"""What is read: the difference between two trees, stored once by its content."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.diff import Comparison, FileDiff, FileOutline, Trees
from server.domain.errors import NarrowsError, NotFound
from server.domain.file_row import FileRow
from server.git import diffs, interdiff, mirrors
from server.services.narrows import Narrows
from server.store import queries

READ = 5  # seconds: a page that was in sight for longer was looked at


def of(narrows: Narrows, change: Change, revision: Revision, since: int | None = None) -> Comparison:
    """A revision against its base, or against an earlier one of the same change: `since` is its number.

    Of two revisions the files are compared when they are first asked for, and kept.

    Raises:
        NotFound: There is no such earlier revision.
        GitError: The mirror has not the trees any more.
    """
    if since is None:
        return Comparison(change.project_id, change.id, revision.number, revision.base_tree, revision.tree)
    if since >= revision.number:
        raise NotFound(
            f"Revision {since} is not earlier than revision {revision.number}.", "Compare with an earlier one."
        )
    with narrows.reading() as db:
        earlier = queries.revision(db, change.id, since)
    rebased = _onto(narrows, change, earlier, revision)
    found = Comparison(
        change.project_id,
        change.id,
        revision.number,
        rebased.tree,
        revision.tree,
        since,
        frozenset(rebased.blurred),
    )
    _keep(narrows, found)
    return found


def across(narrows: Narrows, project_id: int, one: Revision, other: Revision) -> Comparison:
    """How what `other` does differs from what `one` does, of two changes of a project: `one` on the base of `other`.

    The files are compared when they are first asked for, and kept. Nothing is said of them: it is no revision's page.

    Raises:
        GitError: The mirror has not the trees any more.
    """
    ref = f"refs/narrows/compared/{other.change_id}/{other.number}-with-{one.change_id}-{one.number}"
    rebased = _held(narrows.mirror(project_id), ref, one.base_tree, one.tree, other.base_tree)
    found = Comparison(project_id, other.change_id, 0, rebased.tree, other.tree, blurred=frozenset(rebased.blurred))
    _keep(narrows, found)
    return found


def opening(narrows: Narrows, change: Change, revision: Revision) -> Comparison:
    """What a revision's page opens on: since `default_since`, or against its base where its mirror can't be read."""
    try:
        return of(narrows, change, revision, default_since(narrows, revision))
    except NarrowsError:
        return of(narrows, change, revision)


def prepare(narrows: Narrows, change_id: int) -> list[Comparison]:
    """Compare a change's newest revision with all that came before; the one that its page opens on comes first."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        newest = queries.last_revision(db, change_id)
    if newest is None:
        return []
    first = opening(narrows, change, newest)
    others = [since for since in (None, *range(newest.number - 1, 0, -1)) if since != first.since]
    return [first, *(of(narrows, change, newest, since) for since in others)]


def default_since(narrows: Narrows, revision: Revision) -> int | None:
    """What a change's newest revision is read against: the last one before it that the person judged, or else read.

    None where there is none: then all of it is new to the person; and for a revision that is not the newest.
    """
    if revision.number == 1:
        return None
    with narrows.reading() as db:
        newest = queries.last_revision(db, revision.change_id)
        if newest is None or newest.number != revision.number:
            return None
        judged = queries.judged_revisions(db, newest.change_id)
        read = {number for number, seconds in queries.clocks_of_change(db, newest.change_id).items() if seconds > READ}
    for known in (judged, read):
        if earlier := [number for number in known if number < newest.number]:
            return max(earlier)
    return None


def outline(narrows: Narrows, comparison: Trees) -> list[FileOutline]:
    """The files without their text, in git's order."""
    with narrows.reading() as db:
        return queries.file_outline(db, comparison.base_tree, comparison.tree)


def file(narrows: Narrows, comparison: Trees, position: int) -> FileDiff:
    """One file of it, by its place in git's order, from 0.

    Raises:
        NotFound: It has no such file.
    """
    with narrows.reading() as db:
        return queries.file(db, comparison.base_tree, comparison.tree, position).diff


def files(narrows: Narrows, comparison: Trees) -> list[FileDiff]:
    """All of it, in git's order. Large: for a page use `outline` and `file`."""
    with narrows.reading() as db:
        return [row.diff for row in queries.files(db, comparison.base_tree, comparison.tree)]


def patch(narrows: Narrows, comparison: Trees) -> bytes:
    """The exact bytes that `git apply` turns the one tree into the other with."""
    return diffs.patch(files(narrows, comparison))


def find_position(narrows: Narrows, comparison: Trees, path: str) -> int:
    """Where in it a file is, by its new or old name.

    Raises:
        NotFound: It is not in it.
    """
    for row in outline(narrows, comparison):
        if path in (row.path, row.old_path, shown(row.path)):
            return row.position
    raise NotFound(f"{shown(path)} is not part of this revision.")


def report(narrows: Narrows, change: Change, revision: Revision, since: int) -> bytes:
    """How a revision's report differs from an earlier one's, as a file's piece of `git diff`; empty: not at all.

    Raises:
        NotFound: There is no such earlier revision.
    """
    with narrows.reading() as db:
        earlier = queries.revision(db, change.id, since)
    old, new = ((each.report or "").encode(errors="replace") for each in (earlier, revision))
    return diffs.of_texts(narrows.mirror(change.project_id), "report.md", old, new) if old != new else b""


def keep(db: Session, base_tree: str, tree: str, compared: list[FileDiff]) -> None:
    """Store the files of a diff, unless the same one is there already."""
    if not queries.has_files(db, base_tree, tree):
        db.add_all(FileRow.of(base_tree, tree, position, each) for position, each in enumerate(compared))


def _keep(narrows: Narrows, comparison: Comparison) -> None:
    base_tree, tree = comparison.base_tree, comparison.tree
    if base_tree == tree:
        return
    with narrows.reading() as db:
        if queries.has_files(db, base_tree, tree):
            return
    compared = diffs.compare(narrows.mirror(comparison.project_id), base_tree, tree)
    with narrows.transaction() as db:
        keep(db, base_tree, tree, compared)


def _onto(narrows: Narrows, change: Change, earlier: Revision, later: Revision) -> interdiff.Rebased:
    """The earlier revision on the later one's base, held so that git keeps it."""
    ref = f"refs/narrows/compared/{change.id}/{earlier.number}-{later.number}"
    return _held(narrows.mirror(change.project_id), ref, earlier.base_tree, earlier.tree, later.base_tree)


@lru_cache(maxsize=4096)
def _held(mirror: Path, ref: str, base_tree: str, tree: str, new_base_tree: str) -> interdiff.Rebased:
    """Asked of git once in this process: what agents may have done to the mirror's refs is not believed."""
    rebased = interdiff.onto(mirror, base_tree=base_tree, tree=tree, new_base_tree=new_base_tree)
    if rebased.commit:
        mirrors.hold(mirror, ref, rebased.commit)
    return rebased
