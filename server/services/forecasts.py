"""Forecasts: which waiting changes still land, and which of them are in each other's way.

A forecast is kept by what it was made from: the target's commit and the revisions' commits. So only what is missing is
made, and a row never has to be corrected: when the target moves, all of them are for another commit and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlalchemy import delete, insert
from sqlmodel import Session, col

from server.bus import Signal
from server.domain.base import few, shown
from server.domain.change import Change, Revision
from server.domain.errors import NarrowsError
from server.domain.event import Actor, Event
from server.domain.forecast import Forecast, Prospect
from server.domain.project import Project
from server.git.forecast import Question, Side, foresee
from server.reading.functions import functions
from server.services import events
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import forecast_queries, queries

AT_ONCE = 400  # what is asked in one go, after which the target is looked at again: all there is with twenty changes
FILES = 3  # that a line names
NAMED = 20  # paths, and things that two changes both touch, kept of each pair


@dataclass(frozen=True)
class Neighbour:
    """Another waiting change, and what stands between the two: files in conflict, or what both change."""

    change_id: int
    title: str
    conflicts: list[str]
    touching: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Outlook:
    """What one waiting change has before it, with its newest revision, by its number, that stands on commit `base`.

    `target` is the branch; `at` the commit of it that all of this is said for, empty while nothing is known.
    """

    change_id: int
    project_id: int
    target: str
    revision: int
    base: str
    at: str = ""
    conflicts: list[str] = field(default_factory=list)  # with the target as it is
    after: list[Neighbour] = field(default_factory=list)  # once such a one has landed, this one conflicts
    breaks: list[Neighbour] = field(default_factory=list)  # once this one has landed, such a one conflicts
    touching: list[Neighbour] = field(default_factory=list)  # they land cleanly, and change the same things

    @property
    def known(self) -> bool:
        return bool(self.at)

    @property
    def prospect(self) -> Prospect:
        if self.conflicts:
            return Prospect.CONFLICTS
        if not self.known:
            return Prospect.UNKNOWN
        if self.after or self.breaks:
            return Prospect.CROSSING
        return Prospect.TOUCHING if self.touching else Prospect.CLEAN

    @property
    def said(self) -> str:
        return self.prospect.said

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        match self.prospect:
            case Prospect.UNKNOWN:
                return f"Not known yet whether it lands cleanly on {self.target}"
            case Prospect.CONFLICTS:
                return f"Conflicts with {self.target} in {listed(self.conflicts)}"
            case Prospect.CROSSING:
                return f"Lands cleanly on {self.target} now; conflicts with {_numbers(self.after + self.breaks)}"
            case Prospect.TOUCHING:
                first, *others = self.touching
                more = f", and {_numbers(others)} come close" if others else ""
                return f"Lands cleanly on {self.target}; it and #{first.change_id} {both(first)}{more}"
            case Prospect.CLEAN:
                return f"Lands cleanly on {self.target}"
            case _:
                assert_never(self.prospect)

    @property
    def consequence(self) -> str:
        """What landing it does to the others, in one line; empty where that is nothing."""
        return f"After this, {_numbers(self.breaks)} will conflict." if self.breaks else ""


def listed(names: Sequence[str]) -> str:
    """The first of some files, as they are shown, and how many more there are."""
    return few([shown(name) for name in names], FILES)


def both(neighbour: Neighbour) -> str:
    """What two changes have in common, after a plural: "both change `parse` in a.py"."""
    path, name = neighbour.touching[0]
    more = len(neighbour.touching) - 1
    said = f"both change `{name}` in {shown(path)}" if name else f"both change {shown(path)}"
    return said + (f" and {more} more" if more else "")


def _numbers(neighbours: Iterable[Neighbour]) -> str:
    *some, last = [f"#{number}" for number in sorted({each.change_id for each in neighbours})]
    return f"{', '.join(some)} and {last}" if some else last


def ask(narrows: Narrows, project_id: int) -> None:
    """Say that a project's target may have moved, or that somebody looks: what is missing is made in the background."""
    narrows.bus.publish(Signal("forecast", "asked", project_id))


def ask_all(narrows: Narrows) -> None:
    """Say that somebody looks at all of them."""
    for project in awaiting(narrows):
        ask(narrows, project.id)


def awaiting(narrows: Narrows) -> list[Project]:
    """Projects in which somebody waits for a forecast: those with changes that may land."""
    with narrows.reading() as db:
        return forecast_queries.awaiting(db)


def advance(narrows: Narrows, project_id: int) -> bool:
    """Make what is missing of a project's forecasts, at most `AT_ONCE` pairs of it. Whether there is more to make.

    Raises:
        NarrowsError: The target can't be asked, or git could not do it.
    """
    with narrows.reading() as db:
        project = queries.project(db, project_id)
        revisions = {revision.commit: revision for _, revision, _ in forecast_queries.awaited(db, project_id)}
    if not revisions:
        return False
    try:
        target = Target.of(narrows, project).known()  # without a network: nobody clicked
    except NarrowsError:
        _forget(narrows, project_id)
        raise
    if target is None:
        return False
    with narrows.reading() as db:
        missing = _missing(list(revisions), forecast_queries.known(db, project_id, target))
    if missing:
        _keep(narrows, project_id, target, _made(narrows, project_id, target, revisions, missing[:AT_ONCE]))
    return len(missing) > AT_ONCE


def _missing(commits: list[str], known: Mapping[tuple[str, str], bool]) -> list[tuple[str, str]]:
    """What is not known: each revision alone, then each after each other one that can land."""
    alone = [("", second) for second in commits]
    pairs = [(first, second) for first in commits for second in commits if first != second]
    return [pair for pair in (*alone, *pairs) if pair not in known and known.get(("", pair[0]), True)]


def _made(
    narrows: Narrows, project_id: int, target: str, revisions: Mapping[str, Revision], asked: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Rows as the table has them: so many are written faster than as things."""
    sides = {commit: Side(made.base_tree, made.tree) for commit, made in revisions.items()}
    questions: dict[tuple[str, str], Question] = {pair: (sides.get(pair[0]), sides[pair[1]]) for pair in asked}
    answers = foresee(narrows.mirror(project_id), target, questions.values())
    found = {pair: answers[question] for pair, question in questions.items() if question in answers}
    clean = [pair for pair, conflicts in found.items() if pair[0] and not conflicts]
    with narrows.reading() as db:
        touching = _touching(db, revisions, clean)
    common = {"project_id": project_id, "target": target}
    return [
        common | {"first": first, "second": second, "conflicts": files, "touching": touching.get((first, second), [])}
        for (first, second), files in found.items()
    ]


def _touching(
    db: Session, revisions: Mapping[str, Revision], pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[list[str]]]:
    """What both of each pair change: paths, with the names of functions that their hunks have in common."""
    trees = {commit: (made.base_tree, made.tree) for commit, made in revisions.items()}
    names = forecast_queries.names(db, {trees[commit] for pair in pairs for commit in pair})
    common = {(first, second): names[trees[first]] & names[trees[second]] for first, second in pairs}
    shared = {pair: sorted(paths)[:NAMED] for pair, paths in common.items() if paths}
    wanted: dict[str, set[str]] = {}
    for pair, paths in shared.items():
        for commit in pair:
            wanted.setdefault(commit, set()).update(paths)
    changed: dict[tuple[str, str], frozenset[str]] = {}
    for commit, sought in wanted.items():
        for path, texts in forecast_queries.texts(db, *trees[commit], sought).items():
            changed[commit, path] = functions(texts)
    return {
        (first, second): [
            [path, name] for path in paths for name in sorted(changed[first, path] & changed[second, path]) or [""]
        ][:NAMED]
        for (first, second), paths in shared.items()
    }


def _keep(narrows: Narrows, project_id: int, target: str, rows: list[dict[str, Any]]) -> None:
    """Only rows of one commit of the target are there at any time, and each once, whoever else makes some."""
    with narrows.transaction() as db:
        db.exec(delete(Forecast).where(col(Forecast.project_id) == project_id, col(Forecast.target) != target))
        known = forecast_queries.known(db, project_id, target)
        if new := [row for row in rows if (row["first"], row["second"]) not in known]:
            db.connection().execute(insert(Forecast), new)
        if any(not row["first"] or row["conflicts"] or row["touching"] for row in rows):  # a person is told of these
            _tell(db, "made", project_id)


def _forget(narrows: Narrows, project_id: int) -> None:
    """Nothing is said any more of a target that is gone, or in a repository that can't be used."""
    with narrows.transaction() as db:
        if db.exec(delete(Forecast).where(col(Forecast.project_id) == project_id)).rowcount:
            _tell(db, "forgotten", project_id)


def _tell(db: Session, verb: str, project_id: int) -> None:
    events.note(db, Event(actor=Actor.ENGINE, verb=verb, noun="forecast", noun_id=project_id, project_id=project_id))


def outlooks(narrows: Narrows, project_id: int) -> dict[int, Outlook]:
    """What each of a project's waiting changes has before it, by its number, as far as it is known."""
    with narrows.reading() as db:
        return seen(db, queries.project(db, project_id))


def every(narrows: Narrows) -> dict[int, Outlook]:
    """What each waiting change has before it, of all projects, by its number."""
    with narrows.reading() as db:
        return {number: each for project in forecast_queries.awaiting(db) for number, each in seen(db, project).items()}


def outlook(narrows: Narrows, change_id: int) -> Outlook | None:
    """What a change has before it; None where it is not one that may land.

    Raises:
        NotFound: No such change.
    """
    with narrows.reading() as db:
        return of_change(db, queries.change(db, change_id))


def of_change(db: Session, change: Change) -> Outlook | None:
    if change.state not in forecast_queries.AWAITED:
        return None
    return seen(db, queries.project(db, change.project_id)).get(change.id)


def seen(db: Session, project: Project) -> dict[int, Outlook]:
    """See `outlooks`."""
    waiting = forecast_queries.awaited(db, project.id)
    titles = {revision.commit: title for _, revision, title in waiting}
    rows = [row for row in forecast_queries.telling(db, project.id) if row.second in titles]
    alone = {row.second: (row.target, row.conflicts) for row in rows if not row.first}
    found = {
        revision.commit: Outlook(
            change.id,
            project.id,
            project.target_branch,
            revision.number,
            revision.base,
            *alone.get(revision.commit, ()),
        )
        for change, revision, _ in waiting
    }
    for row in rows:
        if row.first not in titles or found[row.second].conflicts:
            continue  # what conflicts already is not said to conflict later on
        first, second = found[row.first], found[row.second]
        before = Neighbour(first.change_id, titles[row.first], row.conflicts, row.touching)
        if row.conflicts:
            second.after.append(before)
            first.breaks.append(Neighbour(second.change_id, titles[row.second], row.conflicts))
        else:
            second.touching.append(before)
    return {outlook.change_id: outlook for outlook in found.values()}
