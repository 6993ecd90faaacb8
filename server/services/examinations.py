"""Looking at each revision once, in the background: evidence in its texts, and how much attention it deserves."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from server.domain.change import Change, Revision
from server.domain.diff import FileDiff
from server.domain.event import Actor
from server.domain.flag import Flag
from server.domain.task import Task
from server.git import blobs
from server.reading.evidence import detectors
from server.reading.evidence.cases import readers
from server.reading.evidence.material import ChangedFile, Detector, Finding, Material
from server.services import comparisons, events, revisions, risks
from server.services.narrows import Narrows
from server.store import queries

LIGHT = 60_000  # bytes of a diff
LARGEST = 2_000_000  # bytes of a file whose text is looked at
log = logging.getLogger(__name__)


def due(narrows: Narrows) -> list[int]:
    """The changes with a newest revision that waits to be read and was not looked at yet."""
    with narrows.reading() as db:
        return queries.unexamined_changes(db)


def is_light(narrows: Narrows, change_id: int) -> bool:
    """Whether it may be looked at within the server: it is small, and nothing in it is read by a grammar, which is C.

    There is nothing to look at in a change without a revision.
    """
    with narrows.reading() as db:
        revision = queries.last_revision(db, change_id)
    files = comparisons.files(narrows, revision) if revision else []
    return sum(len(file.text) for file in files) <= LIGHT and not any(readers.by_grammar(file.path) for file in files)


def examine(narrows: Narrows, change_id: int) -> bool:
    """Look at a change's newest revision. Whether there was anything to do: each is looked at once.

    What a detector that fails would have found is missing; the log says so.
    """
    with narrows.reading() as db:
        revision = queries.last_revision(db, change_id)
        if revision is None or queries.risk(db, revision.id):
            return False
        change = queries.change(db, change_id)
        task = queries.task(db, change.task_id)
    revisions.measure_large(narrows, revision)
    material = read(narrows, change, revision, task)
    findings = [finding for detector in detectors.EVERY for finding in _found(detector, material)]
    found = [_flag(revision, finding) for finding in findings]
    past = risks.look_back(narrows, revision)
    with narrows.transaction() as db:
        if queries.risk(db, revision.id) is None:
            db.add_all(found)
            db.flush()
            db.add(risks.weigh(db, change, revision, past))
    return True


def tell(narrows: Narrows, change_id: int) -> None:
    """Say to whoever listens that a change was looked at."""
    with narrows.transaction() as db:
        if revision := queries.last_revision(db, change_id):
            events.record(db, Actor.ENGINE, "examined", revision, number=revision.number)


def read(narrows: Narrows, change: Change, revision: Revision, task: Task) -> Material:
    """A revision's files with their texts."""
    files = comparisons.files(narrows, revision)
    wanted = {oid for file in files if not file.binary for oid in (file.old_blob, file.new_blob)}
    contents = blobs.read(narrows.mirror(change.project_id), wanted, LARGEST)
    texts = {oid: content.decode("utf-8", "replace") for oid, content in contents.items()}
    asked = "\n".join((task.title, task.brief, task.examples, task.done_when))
    return Material(list(_with_texts(files, texts)), asked, task.kind)


def _with_texts(files: list[FileDiff], texts: dict[str, str]) -> Iterator[ChangedFile]:
    for file in files:
        yield ChangedFile(file, texts.get(file.old_blob), texts.get(file.new_blob))


def _found(detector: Detector, material: Material) -> list[Finding]:
    try:
        return list(detector(material))
    except Exception:
        log.exception("%s failed", detector.__module__)
        return []


def _flag(revision: Revision, found: Finding) -> Flag:
    return Flag(
        revision_id=revision.id,
        kind=found.kind,
        path=found.path,
        side=found.side,
        line=found.line,
        sentence=found.sentence,
    )
