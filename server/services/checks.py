"""Checks of a tree: planned with it, carried out by the engine, remembered by the tree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlmodel import Session

from server import files
from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import NotFound, WrongState
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import RELOAD, CheckState, words
from server.services import changes, events
from server.services.narrows import Narrows
from server.store import check_queries, queries

NOT_OVER = (CheckState.QUEUED, CheckState.RUNNING)
TAIL = 4000  # characters of a log that pages and agents get at once


def plan(
    narrows: Narrows,
    project: Project,
    judged: Revision | Landing,
    tree: str | None = None,
    commands: Collection[str] | None = None,
) -> list[Check]:
    """The checks of a revision, or of a landing on one of its trees, made once: one for each of the project's commands
    as they are now (or only `commands`), but for those whose verdict on that tree is known.

    A landing's `tree` is what lands unless it is given; a revision takes known verdicts over as its own, and so does a
    check that was planned before somebody else found them out.
    """
    with narrows.transaction() as db:
        return plan_in(db, project, judged, tree, commands)


def plan_in(
    db: Session,
    project: Project,
    judged: Revision | Landing,
    tree: str | None = None,
    commands: Collection[str] | None = None,
) -> list[Check]:
    """`plan` inside the caller's transaction: they are queued together with what they judge."""
    tree = tree or judged.tree
    assert tree is not None
    revision_id = judged.id if isinstance(judged, Revision) else None
    landing_id = judged.id if isinstance(judged, Landing) else None
    wanted = [command for command in project.checks if commands is None or command in commands]
    known = check_queries.of(db, revision_id, landing_id, tree)
    counting = [check for check in known if not check.superseded and check.command in wanted]
    if landing_id is not None:  # what was stopped there has no result yet: nobody decided against it
        for check in [check for check in counting if check.state is CheckState.SKIPPED]:
            counting.remove(check)
            db.delete(check)
    there = {check.command for check in counting}
    found = verdicts_in(db, project.id, tree)
    for check in counting:
        if check.state in NOT_OVER and check.command in found:
            check.decided_as(found[check.command])
            events.record(db, Actor.ENGINE, check.state.value, check, **_of(check))
    missing = []
    for position, command in enumerate(project.checks):
        if command not in wanted or command in there:
            continue
        plain = Check(
            project_id=project.id,
            revision_id=revision_id,
            landing_id=landing_id,
            tree=tree,
            position=position,
            command=command,
        )
        if command not in found:
            missing.append(plain)
        elif revision_id is not None:
            missing.append(plain.decided_as(found[command]))
    db.add_all(missing)
    db.flush()
    return sorted([*counting, *missing], key=lambda check: check.position)


def unjudged(narrows: Narrows) -> list[Revision]:
    """Revisions whose checks are not over and that no run of an agent looks after, oldest first."""
    with narrows.reading() as db:
        return check_queries.unjudged(db)


def fall_over(narrows: Narrows, revision_id: int, why: str) -> None:
    """The revision's checks could not be carried out: the next one's log says why, and the others have no result."""
    left = [check for check in of_revision(narrows, revision_id) if check.state in NOT_OVER]
    for check in left[:1]:
        _, log = start(narrows, check.id)
        log.write_text(f"{why}\n")
        end(narrows, check.id, CheckState.ERRORED)
    call_off(narrows, revision_id)


def start(narrows: Narrows, check_id: int) -> tuple[Check, Path]:
    """The check begins, or begins again after its server died. Answers with the path for its log."""
    with narrows.transaction() as db:
        check = check_queries.one(db, check_id)
        if check.state is CheckState.RUNNING:
            check.put_back()
        check.start()
        check.log = f"logs/checks/{check.id}.log"
        events.record(db, Actor.ENGINE, "started", check, **_of(check))
    log = narrows.settings.data / check.log
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return check, log


def end(
    narrows: Narrows,
    check_id: int,
    state: CheckState,
    exit_code: int | None = None,
    seconds: float | None = None,
    *,
    counts: bool = True,
) -> Check:
    """The check's result; it does not count where the check changed the files that it was checking."""
    with narrows.transaction() as db:
        check = check_queries.one(db, check_id)
        check.end(state, exit_code, seconds)
        check.superseded = not counts
        check.tail = tail(narrows.settings.data / check.log) if check.log else ""
        events.record(db, Actor.ENGINE, state.value, check, **_of(check))
    return check


def skip(narrows: Narrows, check_id: int) -> Check:
    """It has no result: an earlier one is red, or the person stopped it."""
    return end(narrows, check_id, CheckState.SKIPPED)


def call_off(narrows: Narrows, revision_id: int) -> None:
    """None of the revision's checks that has no result yet will have one."""
    for check in of_revision(narrows, revision_id):
        if check.state in NOT_OVER:
            skip(narrows, check.id)


def again(narrows: Narrows, check_id: int) -> Check:
    """The same check of the same tree, to be run once more; the skipped ones behind it, too."""
    with narrows.transaction() as db:
        return _again(db, check_queries.one(db, check_id))


def _again(db: Session, red: Check) -> Check:
    for other in check_queries.of(db, red.revision_id, red.landing_id, red.tree):
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


def ask_again(narrows: Narrows, check_id: int) -> Check:
    """The person has a red check forgotten. A revision's that waits for its reader runs anew at once; a landing's, when
    it is to land again.

    Raises:
        NotFound: No such check.
        WrongState: It is not red, or its revision is not what is in review.
    """
    with narrows.transaction() as db:
        check = check_queries.one(db, check_id)
        if not check.red:
            raise WrongState(f"Check {check_id} is {words(check.state)}: only a red one is run again.", RELOAD)
        revision = db.get(Revision, check.revision_id) if check.revision_id else None
        if revision is not None:
            changes.reviewed(db, queries.change(db, revision.change_id), revision.number)
        for other in check_queries.of_tree(db, check.project_id, check.tree):
            if other.command == check.command and other.red:
                other.superseded = True
        fresh = check if revision is None else _again(db, check)
        events.record(db, Actor.YOU, "asked_again", fresh, **_of(fresh))
    return fresh


def was_red(narrows: Narrows, check_id: int, before: bool) -> None:
    """Of a red check: whether it was red without the change, too."""
    with narrows.transaction() as db:
        check = check_queries.one(db, check_id)
        check.red_before = before
        events.record(db, Actor.ENGINE, "compared", check, **_of(check))


def running(narrows: Narrows) -> list[Check]:
    """Checks that were running when the server last looked."""
    with narrows.reading() as db:
        return check_queries.running(db)


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


def get(narrows: Narrows, check_id: int) -> Check:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return check_queries.one(db, check_id)


def log(narrows: Narrows, check_id: int) -> str:
    """A check's whole log.

    Raises:
        NotFound: There is no such check, or it has not run.
    """
    with narrows.reading() as db:
        check = check_queries.one(db, check_id)
    text = files.read_text(narrows.settings.data / check.log) if check.log else None
    if text is None:
        raise NotFound(f"Check {check_id} has no log: it is {check.state}.")
    return text


def of_revision(narrows: Narrows, revision_id: int) -> list[Check]:
    """A revision's checks, in order."""
    with narrows.reading() as db:
        return check_queries.of_revision(db, revision_id)


def of_landing(narrows: Narrows, landing_id: int) -> list[Check]:
    """A landing's checks, in order, on what lands and on what was there before; empty where its tree had passed."""
    return of_landings(narrows, [landing_id])[landing_id]


def of_landings(narrows: Narrows, landing_ids: Collection[int]) -> defaultdict[int, list[Check]]:
    """The same for several landings."""
    with narrows.reading() as db:
        return check_queries.of_landings(db, landing_ids)


def verdicts_in(db: Session, project_id: int, tree: str) -> dict[str, Check]:
    """What is known of exactly this tree, by command: the check that passed there, or the one that was red twice.

    It is used wherever the tree comes up: in a revision, in the line, on the target, in a revert.
    """
    reds = Counter(
        each.command for each in check_queries.of_tree(db, project_id, tree) if each.state is CheckState.FAILED
    )
    results = results_in(db, project_id, tree)
    return {command: each for command, each in results.items() if not each.red or reds[command] > 1}


def red_on(narrows: Narrows, project: Project, tree: str) -> list[str]:
    """The project's commands that are known to be red on exactly this tree, whoever found out."""
    with narrows.reading() as db:
        known = verdicts_in(db, project.id, tree)
    return [command for command in project.checks if command in known and known[command].red]


def settled(
    narrows: Narrows, project: Project, tree: str, commands: Collection[str] | None = None, tries: int = 2
) -> bool:
    """Whether nothing is left to run on exactly this tree: each of the project's commands (or only `commands`) has its
    verdict there, or with one try any result.
    """
    with narrows.reading() as db:
        known = verdicts_in(db, project.id, tree) if tries > 1 else results_in(db, project.id, tree)
    return all(command in known for command in project.checks if commands is None or command in commands)


def first_red(
    narrows: Narrows,
    project: Project,
    tree: str,
    commands: Collection[str] | None = None,
    despite: Collection[str] = (),
) -> Check | None:
    """The first of the project's commands (or only `commands`) that is red on exactly this tree, but for `despite`."""
    with narrows.reading() as db:
        results = results_in(db, project.id, tree)
    wanted = [each for each in project.checks if (commands is None or each in commands) and each not in despite]
    return next((results[each] for each in wanted if each in results and results[each].red), None)


def proven(narrows: Narrows, project: Project, tree: str, despite: Collection[str] = ()) -> bool:
    """Whether every check that the project has now has a result on exactly this tree: green, but for those that may be
    red.
    """
    with narrows.reading() as db:
        results = results_in(db, project.id, tree)
    return all(
        command in results and (results[command].state is CheckState.PASSED or command in despite)
        for command in project.checks
    )


def results_in(db: Session, project_id: int, tree: str) -> dict[str, Check]:
    """The results on a tree that count, by command: a green one before a red one, a later one before an earlier one."""
    made = [each for each in check_queries.of_tree(db, project_id, tree) if not each.superseded]
    red = {each.command: each for each in made if each.red}
    return red | {each.command: each for each in made if each.state is CheckState.PASSED}


def second_try(checks: Sequence[Check]) -> set[int]:
    """Of the checks of one tree: those that passed where the same command was red just before; it is not reliable."""
    red = {each.command for each in checks if each.state is CheckState.FAILED}
    return {each.id for each in checks if each.state is CheckState.PASSED and each.command in red}


def _of(check: Check) -> dict[str, int | None]:
    return {"revision_id": check.revision_id, "landing_id": check.landing_id}
