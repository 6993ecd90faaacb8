"""How much of a revision's added lines the checks ran, where they left data about it in their tree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from server import files
from server.domain.base import shown
from server.domain.change import Revision
from server.domain.event import Actor
from server.domain.risk import Coverage
from server.reading import coverage as reports
from server.reading import rows
from server.reading.coverage import Places, Ran
from server.reading.rows import RowKind
from server.services import comparisons, events, risks
from server.services.narrows import Narrows
from server.store import queries, risk_queries

LARGEST = 32_000_000  # bytes of a report
NAMED = 1000  # lines that did not run, kept of a revision

Stamp = tuple[int, int, int]


def standing(tree: Path) -> dict[str, Stamp]:
    """What reports stand in a tree, so that those which are written there afterwards are told apart."""
    found = {}
    for name in reports.REPORTS:
        if (file := files.open_below(tree, name)) is not None:
            with file:
                about = os.fstat(file.fileno())
            found[name] = (about.st_ino, about.st_mtime_ns, about.st_size)
    return found


def take(narrows: Narrows, revision: Revision, tree: Path, before: Mapping[str, Stamp]) -> Coverage | None:
    """Keep what the reports say that the checks wrote into `tree`: those that did not stand there `before`. None where
    they wrote none, or none that says anything of the revision's lines.
    """
    fresh = [name for name, stamp in standing(tree).items() if before.get(name) != stamp]
    if not fresh:
        return None
    added = {
        file.path: [row.new for row in rows.parse(file.text) if row.kind is RowKind.ADDED and row.new is not None]
        for file in comparisons.files(narrows, revision)
    }
    places = Places(added, (str(tree), os.path.realpath(tree)), _module(tree))
    measured = reports.measure(reports.merge(_read(tree, fresh, places)), added)
    if not measured.coverable:
        return None
    return _keep(narrows, revision, measured)


def of_revision(narrows: Narrows, revision_id: int) -> Coverage | None:
    """None: its checks left no data about it."""
    with narrows.reading() as db:
        return risk_queries.coverage(db, revision_id)


def _read(tree: Path, names: list[str], places: Places) -> Iterator[Ran]:
    for name in names:
        if (file := files.open_below(tree, name)) is not None:
            with file:
                if os.fstat(file.fileno()).st_size <= LARGEST:
                    yield reports.REPORTS[name](file, places)


def _module(tree: Path) -> str:
    file = files.open_below(tree, "go.mod")
    if file is None:
        return ""
    with file:
        return reports.module(file.read(10_000).decode("utf-8", "replace"))


def _keep(narrows: Narrows, revision: Revision, measured: reports.Measured) -> Coverage:
    left = NAMED
    missed: dict[str, list[int]] = {}
    for path, lines in measured.missed.items():
        if named := lines[:left]:
            missed[shown(path)] = named
            left -= len(named)
    with narrows.transaction() as db:
        kept = risk_queries.coverage(db, revision.id) or Coverage(revision_id=revision.id, covered=0, coverable=0)
        kept.covered, kept.coverable, kept.missed = measured.covered, measured.coverable, missed
        db.add(kept)
        known = queries.revision(db, revision.change_id, revision.number)
        events.record(db, Actor.ENGINE, "covered", known, number=revision.number)
    risks.weigh_again(narrows, revision)
    return kept
