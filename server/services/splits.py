"""A change that is more than one reading can judge: its agent is asked, once, to keep a part and list the rest."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NotFound, WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.review import Review, Verdict
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, RunState
from server.domain.task import Kind
from server.reading import report
from server.reading.report import Block
from server.reading.sections import closed
from server.services import admission, agents, changes, events, pauses, prompts, task_drafts
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft
from server.store import queries, run_queries

KINDS = (Kind.DIRECTED, Kind.REFACTORING)
_BOX = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+\[[ xX]\]\s")


def large(project: Project, revision: Revision) -> bool:
    """Whether the revision is more than one reading can judge, by the project's review size."""
    return bool(project.review_size) and revision.reading_lines > project.review_size


def due(db: Session, change: Change, project: Project, revision: Revision) -> bool:
    """Whether its agent is to be asked by itself, before anybody reads the change.

    Only one that holds a conversation can go on from what it did, and one whose limit is reached would keep the
    change from its reader.
    """
    return (
        large(project, revision)
        and not change.split_offered
        and queries.task(db, change.task_id).kind in KINDS
        and not queries.judged_revisions(db, change.id)
        and agents.converses(db, change.agent)
        and all(pause.agent != change.agent for pause in pauses.standing(db))
    )


def offer(db: Session, change: Change, project: Project, revision: Revision) -> Run:
    """The follow-up that asks. Inside the caller's transaction; the change is at work."""
    change.split_offered = True
    events.record(db, Actor.ENGINE, "asked_to_split", change, revision=revision.number)
    prompt = prompts.split(revision.reading_lines, revision.reading_files, project.review_size, revision.commit)
    return admission.follow(db, change, Reason.SPLIT, prompt)


def may_ask(change: Change, kind: Kind, project: Project, revision: Revision) -> bool:
    """Whether the person can have its agent asked: in review, large, and not asked yet."""
    return (
        change.state is ChangeState.IN_REVIEW
        and not change.split_offered
        and kind in KINDS
        and large(project, revision)
    )


def ask(narrows: Narrows, change_id: int, *, revision: int) -> Run:
    """The person has the agent asked, whoever it is.

    Raises:
        WrongState: It was asked already, the change is small, not in review, or a newer revision came.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        project = queries.project(db, change.project_id)
        seen = changes.reviewed(db, change, revision)
        if not may_ask(change, queries.task(db, change.task_id).kind, project, seen):
            raise WrongState(
                f"Change {change.id} is not to be split: it is not large, or its agent was asked already.",
                "Land a part of it, or send it back and say what should go.",
            )
        verdict = Review(change_id=change.id, revision_id=seen.id, commit=seen.commit, verdict=Verdict.REQUEST_CHANGES)
        db.add(verdict)
        change.resume()
        change.check_rounds = 0
        events.record(db, Actor.YOU, "sent_back", change, comments=0)
        return offer(db, change, project, seen)


def left_whole(db: Session, run: Run) -> str:
    """What the reader is told where an agent that was asked left nothing else, in its words where it has some."""
    asked = "Its agent was asked to split it, since it is large"
    newest = queries.last_revision(db, run.change_id)
    if run.state is not RunState.SUCCEEDED:
        why = run.error or ("You stopped that run." if run.state is RunState.STOPPED else "That run failed.")
        if newest is not None and newest.run_id == run.id:
            before = f"revision {newest.number - 1} is what was there before"
            return f"{asked}. {why} What that run left is this revision; {before}."
        return f"{asked}. {why} It is as it was."
    said = run.summary.strip().partition("\n")[0][:300]
    return f"{asked}, and left it whole. It says: {said}" if said else f"{asked}, and left it whole without a word."


@dataclass(frozen=True)
class Split:
    """What became of a change whose agent split it: lines to read before and after, and what is left to do."""

    run: Run
    before: Revision
    after: Revision
    rest: list[Block]  # each an item of the agent's last message


def of(runs: Sequence[Run], revisions: Sequence[Revision]) -> Split | None:
    """A change's split, from all its runs and revisions; None where there was none, or it came to nothing."""
    by_run = {revision.run_id: revision for revision in revisions if revision.run_id is not None}
    for run in reversed(runs):
        after = by_run.get(run.id)
        if run.reason is not Reason.SPLIT or run.state is not RunState.SUCCEEDED or after is None:
            continue
        before = next((each for each in revisions if each.number == after.number - 1), None)
        return Split(run, before, after, _rest(run.summary)) if before else None
    return None


def _rest(message: str) -> list[Block]:
    """The items of a checklist that are not ticked; of a message without one, all items."""
    items = [block for block in report.blocks(message) if block.item and not block.item.done]
    return [block for block in items if _BOX.match(block.source)] or items


def draft_rest(narrows: Narrows, change_id: int, lines: Collection[int], address: str) -> list[TaskDraft]:
    """Make a draft of a task of each item of the rest that begins on one of `lines`; each starts after this one's task.

    Args:
        address: Of the change's page, for a link to it.

    Raises:
        NotFound: It was not split, or an item is not there.
        Invalid: Nothing is chosen.
    """
    if not lines:
        raise Invalid("line", "Nothing is chosen.", "Tick the items that should become tasks.")
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        kind = queries.task(db, change.task_id).kind
        split = of(run_queries.of_change(db, change_id), queries.revisions_of_change(db, change_id))
    chosen = [block for block in split.rest if block.line in lines] if split else []
    if split is None or len(chosen) < len(set(lines)):
        raise NotFound("That is not part of what its agent left out.", "Reload the page, and choose again.")
    came = (
        f"It was taken out of [change #{change_id}]({address}). What was written for it is in the commit "
        f"`{split.before.commit}`: `git diff {split.after.tree} {split.before.tree}` shows all that was left out."
    )
    fields = {
        "project": str(change.project_id),
        "kind": kind.value,
        "agent": change.agent,
        "after": str(change.task_id),
    }
    made = [
        fields | {"title": block.item.title, "brief": f"{closed(block.item.text)}\n\n{came}"}
        for block in chosen
        if block.item
    ]
    return task_drafts.keep(narrows, made)
