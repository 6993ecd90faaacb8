"""Part of a change: chosen files and hunks become a change of their own, and the rest the next revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.domain.base import few, shown
from server.domain.change import Change, Revision
from server.domain.diff import FileDiff
from server.domain.errors import Invalid, NarrowsError, WrongState
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.git import configuration, diffs, mirrors, objects, parts
from server.git.parts import Chosen, count_hunks, divisible
from server.services import (
    anchors,
    assessments,
    changes,
    checks,
    comparisons,
    events,
    landings,
    prompts,
    reviews,
    revisions,
)
from server.services.assessments import Assessment
from server.services.narrows import Narrows
from server.store import queries

__all__ = ["Rest", "Split", "count_hunks", "divisible", "land", "split"]

Rest = Literal["send_back", "keep"]


@dataclass(frozen=True)
class Split:
    """What a change was divided into: the part, the change that it was split from, and the part's landing, if any.

    `trouble`: why the part stays on the desk although it was to land.
    """

    part: Change
    rest: Change
    landing: Landing | None = None
    trouble: NarrowsError | None = None


@dataclass(frozen=True)
class _Plan:
    """A division as it is about to be written down."""

    change: Change
    project: Project
    seen: Revision
    part: Revision  # of a change that is not there yet
    rest: Revision
    part_files: list[FileDiff]
    rest_files: list[FileDiff]
    title: str  # of the task


def split(
    narrows: Narrows,
    change_id: int,
    *,
    revision: int,
    chosen: Mapping[int | str, Set[int] | None],
    rest: Rest = "send_back",
    message: str = "",
) -> Split:
    """Make a part of a change a change of its own, in review at once. What is left is the change's next revision.

    Args:
        revision: The number of the newest revision, that was read.
        chosen: Hunks by file: a file by its position in the diff or by its path, its hunks by their places in it,
            counted from 0; None: the whole file.
        rest: What becomes of what is left: it is sent back to its agent with the message and every drafted comment, or
            stays in review.
        message: What the agent is told; empty: only what is settled.

    Raises:
        Invalid: Nothing was chosen, or all of it, or what can't be chosen.
        WrongState: The change is not in review, or a newer revision came.
    """
    plan = _plan(narrows, change_id, revision, chosen)
    part = _write(narrows, plan, checked=True, rest=rest)
    return _finish(narrows, plan, part, rest, message)


def land(
    narrows: Narrows,
    change_id: int,
    *,
    revision: int,
    chosen: Mapping[int | str, Set[int] | None],
    rest: Rest = "send_back",
    message: str = "",
    commit_message: str = "",
    acknowledge: Sequence[str] = (),
) -> Split:
    """`split`, and put the part into the landing line; nothing is divided where something stands against landing it.

    Args:
        commit_message: The landing's; empty: the task's title and what the part is.
        acknowledge: Hashes of the warnings that are accepted.

    Raises:
        Objected: Blockers, or warnings not acknowledged.
        Invalid, WrongState: As for `split`.
    """
    plan = _plan(narrows, change_id, revision, chosen)
    _assess(narrows, plan, commit_message or f"{plan.title}\n\n{plan.part.summary}\n", set(acknowledge))
    part = _write(narrows, plan, checked=False, rest=rest)
    try:
        landing = landings.land(
            narrows, part.id, revision=1, message=commit_message, acknowledge=sorted(set(acknowledge))
        )
    except NarrowsError as error:  # the target moved in between: the part is on the desk
        return _finish(narrows, plan, part, rest, message, trouble=error)
    return _finish(narrows, plan, part, rest, message, landing)


def _plan(narrows: Narrows, change_id: int, revision: int, chosen: Mapping[int | str, Set[int] | None]) -> _Plan:
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        project = queries.project(db, change.project_id)
        task = queries.task(db, change.task_id)
        files = [row.diff for row in queries.files(db, seen.base_tree, seen.tree)]
    if seen.report is not None and not files:
        raise WrongState("A report has no parts.", "Accept it, or send it back.")
    places = _places(files, chosen)
    mirror = narrows.mirror(project.id)
    tree = parts.tree(mirror, seen.base_tree, files, places)
    if tree == seen.base_tree:
        raise Invalid("chosen", "Nothing was chosen.", "Choose a file, or hunks of one.")
    if tree == seen.tree:
        raise Invalid("chosen", "Everything was chosen, so nothing would be left.", "Land the whole change instead.")
    words = f"A part of revision {seen.number}: {_named(files, places)}."
    left = f"What is left after a part was split off: {_named(files, places)}."
    person = configuration.identity(Path(project.path))
    commit = objects.commit(mirror, tree, [seen.base], f"{task.title}\n\n{words}\n", person, person)
    onto = objects.commit(mirror, seen.tree, [commit], f"{task.title}\n\n{left}\n", person, person)
    plan = _Plan(
        change,
        project,
        seen,
        _revision(commit, tree, seen.base, seen.base_tree, summary=words),
        _revision(onto, seen.tree, commit, tree, change_id=change.id, number=seen.number + 1, summary=left),
        diffs.compare(mirror, seen.base_tree, tree),
        diffs.compare(mirror, tree, seen.tree),
        task.title,
    )
    revisions.measure(plan.part, plan.part_files)
    return plan


def _revision(
    commit: str, tree: str, base: str, base_tree: str, *, summary: str, change_id: int = 0, number: int = 1
) -> Revision:
    """By the person; of a change that is not there yet unless its number is given."""
    return Revision(
        change_id=change_id,
        made_by=Actor.YOU,
        number=number,
        commit=commit,
        tree=tree,
        base=base,
        base_tree=base_tree,
        summary=summary,
    )


def _places(files: Sequence[FileDiff], chosen: Mapping[int | str, Set[int] | None]) -> Chosen:
    """The choice by positions; names are as the diff has them, or as they are shown."""
    named = {name: place for place, file in enumerate(files) for name in (shown(file.path), file.path)}
    places: dict[int, Set[int] | None] = {}
    for file, hunks in chosen.items():
        place = file if isinstance(file, int) else named.get(file)
        if place is None:
            raise Invalid("chosen", f"{file} is not part of this revision.", "Name a file as its diff does.")
        places[place] = hunks
    return places


def _named(files: Sequence[FileDiff], places: Chosen) -> str:
    """The chosen files with how many of their hunks, as a sentence has them."""
    said = [_said(files[place], places[place], shown(files[place].path)) for place in sorted(places)]
    return few(said, what=" files")


def _said(file: FileDiff, hunks: Set[int] | None, name: str) -> str:
    total = count_hunks(file)
    if hunks is None or len(hunks) == total:
        return name
    return f"{name} ({len(hunks)} of {total} hunks)"


def _assess(narrows: Narrows, plan: _Plan, message: str, acknowledged: Set[str]) -> None:
    """What would stand against landing the part, before it is one: no check and no comment is its own yet."""
    with narrows.transaction() as db:
        comparisons.keep(db, plan.part.base_tree, plan.part.tree, plan.part_files)
        warnings = assessments.of_content(db, plan.part)
    draft = Landing(
        change_id=plan.change.id,
        project_id=plan.project.id,
        revision_id=plan.seen.id,
        target_branch=plan.project.target_branch,
        remote=plan.project.remote,
        method=plan.project.landing_method,
        message=message,
        acknowledged=sorted(acknowledged),
    )
    landings.unobjected(narrows, plan.project, plan.part, draft, Assessment([], warnings))


def _write(narrows: Narrows, plan: _Plan, *, checked: bool, rest: Rest) -> Change:
    """Both halves in one transaction. `checked`: the engine checks the part by itself; a landing does that anyway."""
    mirror = narrows.mirror(plan.project.id)
    with narrows.transaction() as db:
        change = queries.change(db, plan.change.id)
        changes.reviewed(db, change, plan.seen.number)
        part = Change(task_id=change.task_id, project_id=change.project_id, agent=change.agent, part_of=change.id)
        events.record(db, Actor.YOU, "began", part, part_of=change.id)
        part.present(f"A part of change {change.id}.")
        plan.part.change_id = part.id
        revisions.add(db, plan.part, plan.part_files)
        revisions.add(db, plan.rest, plan.rest_files)
        if checked:
            checks.plan_in(db, plan.project, plan.part)
        if rest == "keep":
            checks.plan_in(db, plan.project, plan.rest)
        mirrors.hold(mirror, plan.part.ref, plan.part.commit)
        mirrors.hold(mirror, plan.rest.ref, plan.rest.commit)
        events.record(db, Actor.YOU, "split", change, part=part.id, revision=plan.rest.number)
    anchors.carry(narrows, plan.rest)
    return part


def _finish(
    narrows: Narrows,
    plan: _Plan,
    part: Change,
    rest: Rest,
    message: str,
    landing: Landing | None = None,
    trouble: NarrowsError | None = None,
) -> Split:
    """What is left goes back to its agent, if it is to; what came of it all."""
    if rest == "send_back":
        told = prompts.settled(plan.part.summary, message)
        reviews.request_changes(narrows, plan.change.id, revision=plan.rest.number, message=told)
    return Split(changes.get(narrows, part.id), changes.get(narrows, plan.change.id), landing, trouble)
