"""Checks of a tree: planned with it, carried out by the engine, remembered by the tree."""

from __future__ import annotations

from pathlib import Path

from server import files
from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import NotFound
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import CheckState
from server.services import events
from server.services.narrows import Narrows
from server.store import queries

TAIL = 4000  # characters of a log that pages and agents get at once


def plan(narrows: Narrows, project: Project, judged: Revision | Landing) -> list[Check]:
    """The checks of a revision or a landing: one for each of the project's commands as they are now, made once."""
    assert judged.tree is not None
    revision = judged if isinstance(judged, Revision) else None
    landing = judged if isinstance(judged, Landing) else None
    with narrows.transaction() as db:
        known = queries.checks_of(db, revision.id if revision else None, landing.id if landing else None, judged.tree)
        counting = [check for check in known if not check.superseded and check.command in project.checks]
        there = {check.command for check in counting}
        missing = [
            Check(
                project_id=project.id,
                revision_id=revision.id if revision else None,
                landing_id=landing.id if landing else None,
                tree=judged.tree,
                position=position,
                command=command,
            )
            for position, command in enumerate(project.checks)
            if command not in there
        ]
        db.add_all(missing)
        db.flush()
    return sorted([*counting, *missing], key=lambda check: check.position)


def start(narrows: Narrows, check_id: int) -> tuple[Check, Path]:
    """The check begins, or begins again after its server died. Answers with the path for its log."""
    with narrows.transaction() as db:
        check = queries.check(db, check_id)
        if check.state is CheckState.RUNNING:
            check.put_back()
        check.start()
        check.log = f"logs/checks/{check.id}.log"
        events.record(db, Actor.ENGINE, "started", check, **_of(check))
    log = narrows.settings.data / check.log
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return check, log


def end(
    narrows: Narrows, check_id: int, state: CheckState, exit_code: int | None = None, seconds: float | None = None
) -> Check:
    """The check's result."""
    with narrows.transaction() as db:
        check = queries.check(db, check_id)
        check.end(state, exit_code, seconds)
        check.tail = tail(narrows.settings.data / check.log) if check.log else ""
        events.record(db, Actor.ENGINE, state.value, check, **_of(check))
    return check


def skip(narrows: Narrows, check_id: int) -> Check:
    """It has no result: an earlier one is red, or the person stopped it."""
    return end(narrows, check_id, CheckState.SKIPPED)


def call_off(narrows: Narrows, revision_id: int) -> None:
    """None of the revision's checks that has no result yet will have one."""
    for check in of_revision(narrows, revision_id):
        if check.state in (CheckState.QUEUED, CheckState.RUNNING):
            skip(narrows, check.id)


def again(narrows: Narrows, check_id: int) -> Check:
    """The same check of the same tree, to be run once more; the skipped ones behind it, too."""
    with narrows.transaction() as db:
        red = queries.check(db, check_id)
        for other in queries.checks_of(db, red.revision_id, red.landing_id, red.tree):
            if other.state is CheckState.SKIPPED:
                db.delete(other)
                db.add(_copy(other))
        fresh = _copy(red)
        red.superseded = True
        db.add(red)
        db.add(fresh)
        db.flush()
    return fresh


def _copy(check: Check) -> Check:
    kept = ("project_id", "revision_id", "landing_id", "tree", "position", "command")
    return Check(**{name: getattr(check, name) for name in kept})


def discredit(narrows: Narrows, judged: Revision | Landing) -> None:
    """These verdicts count no more: the checks changed the files that they were checking."""
    with narrows.transaction() as db:
        found = (
            queries.checks_of_revision(db, judged.id)
            if isinstance(judged, Revision)
            else queries.checks_of_landing(db, judged.id)
        )
        for check in found:
            check.superseded = True
            events.record(db, Actor.ENGINE, "discredited", check, **_of(check))


def running(narrows: Narrows) -> list[Check]:
    """Checks that were running when the server last looked."""
    with narrows.reading() as db:
        return queries.running_checks(db)


def tail(log: Path) -> str:
    """The last of a log, whole lines."""
    file = files.open_to_read(log)
    if file is None:
        return ""
    with file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        text = file.read().decode("utf-8", "replace")
    return text.partition("\n")[2] if size > TAIL else text


def log(narrows: Narrows, check_id: int) -> str:
    """A check's whole log.

    Raises:
        NotFound: There is no such check, or it has not run.
    """
    with narrows.reading() as db:
        check = queries.check(db, check_id)
    file = files.open_to_read(narrows.settings.data / check.log) if check.log else None
    if file is None:
        raise NotFound(f"Check {check_id} has no log: it is {check.state}.")
    with file:
        return file.read().decode("utf-8", "replace")


def of_revision(narrows: Narrows, revision_id: int) -> list[Check]:
    """A revision's checks, in order."""
    with narrows.reading() as db:
        return queries.checks_of_revision(db, revision_id)


def of_landing(narrows: Narrows, landing_id: int) -> list[Check]:
    """A landing's checks, in order; empty where its tree had already passed."""
    with narrows.reading() as db:
        return queries.checks_of_landing(db, landing_id)


def passed(narrows: Narrows, project: Project, tree: str) -> bool:
    """Whether every check that the project has now passed on exactly this tree."""
    with narrows.reading() as db:
        return set(project.checks) <= queries.commands_passed(db, project.id, tree)


def _of(check: Check) -> dict[str, int | None]:
    return {"revision_id": check.revision_id, "landing_id": check.landing_id}
