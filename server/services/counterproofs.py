"""Counterproofs: a revision's tests on the code that was there before. Where they fail there, they prove something.

Never in the way: nothing waits for one, and none is made where it would take long or could tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from server import files
from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.diff import FileOutline, FileStatus
from server.domain.errors import NotFound
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.risk import Counterproof
from server.domain.states import CheckState
from server.domain.task import Kind
from server.git import merges, mirrors, objects
from server.git.commands import NOBODY
from server.git.edits import Put, tree_with
from server.reading import order
from server.services import checks, comparisons, events, revisions, risks
from server.services.narrows import Narrows
from server.store import check_queries, counterproof_queries, queries

SHARE = 4  # a counterproof is made where the checks took less than this part of their time limit
_PLAIN = ("100644", "100755", "120000")
_TESTS = re.compile(
    r"\b(pytest|unittest|tox|nox|jest|vitest|mocha|ava|rspec|phpunit|ctest|tests?|spec|mvn|gradlew?)\b", re.I
)
_LINTS = re.compile(
    r"\b(ruff|flake8|pylint|mypy|pyright|black|isort|eslint|prettier|tsc|biome|clippy|rustfmt|fmt|vet|golangci-lint|lint"
    r"|format|typecheck|shellcheck)\b",
    re.I,
)


@dataclass(frozen=True)
class Plan:
    """What is to be run: each of `commands` on the files of `commit`, until one is red."""

    number: int
    project: Project
    tree: str
    commit: str
    commands: list[str]


def due(narrows: Narrows, changes: Collection[int] | None = None, revisions: Collection[int] = ()) -> list[int]:
    """The revisions that may need one, of these changes and among these; `changes` None: of all."""
    with narrows.reading() as db:
        return counterproof_queries.due(db, changes, revisions)


def plan(narrows: Narrows, revision_id: int) -> Plan | None:
    """What a revision's counterproof takes, written down as due; None where it could tell nothing or costs too much."""
    with narrows.reading() as db:
        revision = db.get_one(Revision, revision_id)
        if not counterproof_queries.due(db, (), [revision_id]):
            return None
        change = queries.change(db, revision.change_id)
        project = queries.project(db, change.project_id)
        task = queries.task(db, change.task_id)
        commands = _telling(db, project, revision)
    mirror = narrows.mirror(project.id)
    if task.kind is Kind.RESEARCH or not commands or mirrors.resolve(mirror, revision.commit) is None:
        return None  # without its commit it was made on another machine, whose worker sees to it
    tests = _tests(comparisons.outline(narrows, revision))
    if not tests:
        return None
    tree = _tree(mirror, revision, tests)
    commit = objects.commit(
        mirror, tree, [revision.base], "The tests of a change, without it", NOBODY, NOBODY, merges.EPOCH
    )
    with narrows.transaction() as db:
        due = counterproof_queries.of_revision(db, revision_id) or Counterproof(
            revision_id=revision_id, tree="", command=""
        )
        due.begin(tree, [shown(test.path) for test in tests if test.status is not FileStatus.DELETED])
        _told(db, "planned", due, change)
        return Plan(due.id, project, tree, commit, commands)


def _telling(db: Session, project: Project, revision: Revision) -> list[str]:
    """The project's green checks that may tell the code before from the code now, tests if there are any; none where
    all of them together took long, or was red before anyway.
    """
    made = [each for each in check_queries.of_revision(db, revision.id) if not each.superseded]
    if sum(each.seconds or 0 for each in made) >= project.check_minutes * 60 / SHARE:
        return []
    green = {each.command for each in made if each.state is CheckState.PASSED}
    before = checks.results_in(db, project.id, revision.base_tree)
    red = {command for command, each in before.items() if each.red}
    wanted = [command for command in project.checks if command in green - red]
    wanted = [command for command in wanted if _TESTS.search(command) or not _LINTS.search(command)]
    return [command for command in wanted if _TESTS.search(command)] or wanted


def _tests(outline: Sequence[FileOutline]) -> list[FileOutline]:
    """The files of a revision that are tests; none where none is new or changed, or nothing else is code."""
    tests = [row for row in outline if order.is_test(row.path)]
    more = any(row.status is not FileStatus.DELETED and row.new_mode in _PLAIN for row in tests)
    code = any(order.is_source(row.path) for row in outline)
    return tests if more and code else []


def _tree(mirror: Path, revision: Revision, tests: Sequence[FileOutline]) -> str:
    """The base's tree, with the tests as the revision has them."""
    put = [Put(row.path, row.new_mode, row.new_blob) for row in tests if row.new_mode in _PLAIN]
    gone = [row.path for row in tests if row.status is FileStatus.DELETED]
    gone += [row.old_path for row in tests if row.status is FileStatus.RENAMED and row.old_path]
    return tree_with(mirror, revision.base_tree, put=put, gone=gone)


def start(narrows: Narrows, number: int, command: str) -> Path:
    """The next command begins. Answers with the path for its log."""
    with narrows.transaction() as db:
        found = counterproof_queries.one(db, number)
        found.start(command)
        _told(db, "started", found)
    log = narrows.settings.data / found.log
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return log


def known(narrows: Narrows, made: Plan) -> dict[str, Check | Counterproof]:
    """The verdicts of its commands on its tree that are known, whoever asked for them."""
    with narrows.reading() as db:
        found: dict[str, Check | Counterproof | None] = {
            command: counterproof_queries.known(db, made.project.id, made.tree, command) for command in made.commands
        }
        found |= {k: v for k, v in checks.verdicts_in(db, made.project.id, made.tree).items() if k in found}
    return {command: verdict for command, verdict in found.items() if verdict}


def take_over(narrows: Narrows, number: int, command: str, verdict: Check | Counterproof) -> None:
    """The command need not run: its verdict is known."""
    with narrows.transaction() as db:
        found = counterproof_queries.one(db, number)
        found.start(command)
        found.end(verdict.state, verdict.exit_code, verdict.seconds, verdict.tail)
        found.log = verdict.log
        _told(db, verdict.state.value, found)
    _weigh(narrows, found)


def end(
    narrows: Narrows, number: int, state: CheckState, exit_code: int | None = None, seconds: float | None = None
) -> None:
    """It has come to an end: FAILED is what the person hopes for."""
    with narrows.transaction() as db:
        found = counterproof_queries.one(db, number)
        found.end(state, exit_code, seconds, checks.tail(narrows.settings.data / found.log) if found.log else "")
        _told(db, state.value, found)
    _weigh(narrows, found)


def _weigh(narrows: Narrows, found: Counterproof) -> None:
    """What its tests prove is a part of a revision's risk."""
    risks.weigh_again(narrows, revisions.whole(narrows, found.revision_id)[0])


def fall_over(narrows: Narrows, revision_id: int, why: str) -> None:
    """It could not be made."""
    _end_early(narrows, revision_id, CheckState.ERRORED, why)


def call_off(narrows: Narrows, revision_id: int) -> None:
    """Nobody reads the revision now."""
    _end_early(narrows, revision_id, CheckState.SKIPPED)


def _end_early(narrows: Narrows, revision_id: int, state: CheckState, why: str = "") -> None:
    with narrows.transaction() as db:
        found = counterproof_queries.of_revision(db, revision_id)
        if found and not found.over:
            found.end(state, tail=why)
            _told(db, state.value, found)


def of_revision(narrows: Narrows, revision_id: int) -> Counterproof | None:
    """What is known of a revision's tests on the code before; None: nothing."""
    with narrows.reading() as db:
        return counterproof_queries.of_revision(db, revision_id)


def log(narrows: Narrows, number: int) -> str:
    """The whole log of a counterproof's last command.

    Raises:
        NotFound: There is no such counterproof, or it has not run.
    """
    with narrows.reading() as db:
        found = counterproof_queries.one(db, number)
    text = files.read_text(narrows.settings.data / found.log) if found.log else None
    if text is None:
        raise NotFound(f"Counterproof {number} has no log: it is {found.state}.")
    return text


def _told(db: Session, verb: str, about: Counterproof, change: Change | None = None) -> None:
    revision = db.get_one(Revision, about.revision_id)
    of = change.id if change else revision.change_id
    events.record(db, Actor.ENGINE, verb, about, revision_id=revision.id, change=of, number=revision.number)
