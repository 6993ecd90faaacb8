"""Every so many landed changes, a refactoring is drafted: of what churned most and grew most complex meanwhile.

It is one draft of a task among others, and nothing starts by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from sqlmodel import Session

from server.domain.base import shown
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.task import Kind
from server.git import growth, mirrors
from server.git.growth import Churn
from server.reading import complexity, order
from server.reading.complexity import Function, Grown
from server.services import colouring, events, task_drafts
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from server.store import cadence_queries, landing_queries, queries

MARK = "cadence"  # the field of a draft that was made here: how many landed changes it came after
LOOKED_AT = 12  # files, the most changed first
LARGEST = 200_000  # bytes of a file that is measured
SECONDS = 30.0  # for measuring
MADE = "1"  # how what is found is kept: another number, and what was kept before is found anew
DONE_WHEN = """- The checks pass, and no test was changed.
- What it does, and the names that others use, are as before.
- Each function that is named above is less complex than it is now."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What landed in a project since a refactoring was drafted or landed last: from `since` to `until`."""

    project_id: int
    landing_id: int  # the newest one
    changes: int
    since: str
    until: str


def every_due(narrows: Narrows) -> list[int]:
    """The projects in which a refactoring is to be drafted."""
    with narrows.reading() as db:
        return [project_id for project_id in cadence_queries.projects(db) if _due(db, project_id)]


def due(narrows: Narrows, project_id: int) -> Stretch | None:
    """What a refactoring is to be drafted after now; None: it is not time, or one is there."""
    with narrows.reading() as db:
        return _due(db, project_id)


def is_surveyed(narrows: Narrows, stretch: Stretch) -> bool:
    """Whether `survey` has looked through it, and what it found is kept."""
    return bool(colouring.store(narrows).known([_key(stretch)]))


def survey(narrows: Narrows, project_id: int) -> None:
    """Look for what churned most and grew most complex, and keep what is found: this takes seconds.

    Raises:
        GitError, NotFound: The mirror can't be read.
    """
    if stretch := due(narrows, project_id):
        with narrows.reading() as db:
            project = queries.project(db, project_id)
        found = complexity.chosen(_measured(narrows, project, stretch))
        colouring.store(narrows).put({_key(stretch): json.dumps([asdict(file) for file in found])})


def draft(narrows: Narrows, project_id: int) -> TaskDraft | None:
    """Keep the draft of a refactoring of what `survey` found, once for a landing. None: it found nothing, or it is not
    time.
    """
    stretch = due(narrows, project_id)
    aims = _surveyed(narrows, stretch) if stretch else []
    if not stretch or not aims:
        return None
    with narrows.transaction() as db:
        if _due(db, project_id) != stretch:
            return None
        [made] = task_drafts.keep_in(db, [_fields(stretch, aims)])
        landing = landing_queries.one(db, stretch.landing_id)
        events.record(db, Actor.ENGINE, cadence_queries.DRAFTED, landing, title=made.title)
    return made


def waiting(narrows: Narrows) -> list[TaskDraft]:
    """The drafts made here that were neither started nor dismissed."""
    return [each for each in task_drafts.every(narrows) if MARK in each.fields]


def _due(db: Session, project_id: int) -> Stretch | None:
    every = queries.project(db, project_id).refactor_every
    landed = cadence_queries.uncounted(db, project_id) if every else []
    changes = len({landing.change_id for landing in landed})
    if not landed or changes < every or cadence_queries.refactors(db, project_id) or _drafted(db, project_id):
        return None
    return _stretch(project_id, landed, changes)


def _drafted(db: Session, project_id: int) -> bool:
    """Whether a draft made here waits to be started or dismissed."""
    kept = task_drafts.found(queries.drafts(db, task_drafts.KEPT))
    return any(MARK in each.fields and each.fields.get("project") == str(project_id) for each in kept)


def _stretch(project_id: int, landed: Sequence[Landing], changes: int) -> Stretch:
    return Stretch(project_id, landed[-1].id, changes, landed[0].old or "", landed[-1].commit or "")


def _measured(narrows: Narrows, project: Project, stretch: Stretch) -> Iterator[Grown]:
    """The files that changed most, each with how it grew, as far as the time goes."""
    mirror, deadline = narrows.mirror(project.id), time.monotonic() + SECONDS
    churned = growth.churn(mirror, stretch.since, stretch.until)
    by_lines = sorted(churned.items(), key=lambda each: (-each[1].lines, each[0]))
    for path, churn in [each for each in by_lines if _counts(project, *each)][:LOOKED_AT]:
        new = mirrors.read_file(mirror, stretch.until, path, LARGEST)
        if new is None or time.monotonic() > deadline:
            continue
        old = mirrors.read_file(mirror, stretch.since, path, LARGEST) or b""
        texts = (text.decode("utf-8", "replace") for text in (old, new))
        yield complexity.grown(path, churn.lines, churn.commits, *texts)


def _counts(project: Project, path: str, churn: Churn) -> bool:
    """Whether a file is source that a person may want in a better shape."""
    if churn.lines < complexity.CHURNED or order.folded(path) or order.is_test(path):
        return False
    left_alone = any(path == name or path.startswith(f"{name.rstrip('/')}/") for name in project.hands_off)
    return not left_alone and complexity.is_measured(path)


def _key(stretch: Stretch) -> bytes:
    return colouring.digest("growth", MADE, str(stretch.project_id), stretch.since, stretch.until)


def _surveyed(narrows: Narrows, stretch: Stretch) -> list[Grown]:
    key = _key(stretch)
    kept = json.loads(colouring.store(narrows).get([key]).get(key, "[]"))
    return [Grown(**one | {"functions": [Function(**each) for each in one["functions"]]}) for one in kept]


def _fields(stretch: Stretch, aims: Sequence[Grown]) -> dict[str, str]:
    return {
        "project": str(stretch.project_id),
        "title": _title(aims),
        "brief": "\n".join(_brief(stretch, aims)),
        "done_when": DONE_WHEN,
        "kind": Kind.REFACTORING.value,
        MARK: str(stretch.changes),
    }


def _title(aims: Sequence[Grown]) -> str:
    name = shown(PurePosixPath(aims[0].path).name)[:100]
    more = f" and {len(aims) - 1} more" if len(aims) > 1 else ""
    return f"Refactor {name}{more}: changed much, and grew complex"


def _brief(stretch: Stretch, aims: Sequence[Grown]) -> Iterator[str]:
    """What churned and grew, in figures, and what must not change."""
    yield f"Of what {stretch.changes} landed changes touched, this changed most and grew most complex:"
    yield ""
    for file in aims:
        commits = f"{file.commits} commit{'s' * (file.commits != 1)}"
        branches = f"its branches: {file.before} → {file.after}"
        yield f"- {_code(file.path)}: {file.lines} changed lines in {commits}; {branches}"
        for function in file.functions:
            was = "new" if function.before is None else str(function.before)
            yield f"  - {_code(function.name)}: complexity {was} → {function.after}"
    yield ""
    yield "Bring it into a better shape: shorter functions, one thing in one place, names that say what is meant."
    yield "What must not change: what it does, its public names, its tests."


def _code(name: str) -> str:
    return f"`{shown(name).replace('`', chr(39))}`"
