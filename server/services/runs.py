"""Runs as the engine carries them out and the person watches or stops them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from server import files
from server.bus import Signal
from server.domain import usage
from server.domain.base import now, shown
from server.domain.change import Change
from server.domain.check import Check
from server.domain.errors import WrongState
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.run import SILENT_AFTER, Executor, Reason, Run
from server.domain.states import ChangeState, CheckState, RunState, words
from server.domain.trouble import Trouble
from server.services import admission, changes, events, pauses, prompts, questions, reviews, revisions, splits
from server.services.narrows import Narrows
from server.store import check_queries, queries, run_queries

MOST_ATTEMPTS = 20  # a run that took its worker down so often is not tried again


def get(narrows: Narrows, run_id: int) -> Run:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return run_queries.one(db, run_id)


def whole(narrows: Narrows, run_id: int) -> tuple[Run, Change, Project]:
    """A run with what it belongs to."""
    with narrows.reading() as db:
        run = run_queries.one(db, run_id)
        return run, queries.change(db, run.change_id), queries.project(db, run.project_id)


def of_change(narrows: Narrows, change_id: int) -> list[Run]:
    """A change's runs, oldest first."""
    with narrows.reading() as db:
        return run_queries.of_change(db, change_id)


def at_work(narrows: Narrows) -> list[tuple[Run, str]]:
    """The runs that are admitted and not over, with their tasks' titles, oldest first."""
    with narrows.reading() as db:
        return run_queries.at_work(db)


def stop(narrows: Narrows, run_id: int) -> Run:
    """Ask for a run's end, or for that of the checks after it. One that waits ends at once; one at work is ended by its
    worker.

    Raises:
        WrongState: It is over, and so are its checks.
    """
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        change = queries.change(db, run.change_id)
        if run.over and not _judging(db, run, change):
            raise WrongState(f"Run {run.id} is over: {words(run.state)}.", "Nothing is left to stop.")
        run.stop_asked = True
        questions.withdraw(db, run, Actor.YOU)
        if run.executor is None:
            run.end(RunState.STOPPED, "Stopped before it started.")
            if change.state is ChangeState.WORKING:
                _settle(change, "Stopped before it started.", has_revision=bool(queries.last_revision(db, change.id)))
                events.record(db, Actor.YOU, "stopped", change)
        events.record(db, Actor.YOU, "stop_asked", run)
    return run


def _judging(db: Session, run: Run, change: Change) -> bool:
    """Whether the checks after the run are not decided on yet."""
    return change.state is ChangeState.WORKING and run_queries.last(db, change.id).id == run.id


def begin(narrows: Narrows, run_id: int, executor: str) -> Run | None:
    """The worker picks the run up, for the first time or again after it died. None: the run is not its own any more."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        if run.over or run.executor != executor:
            return None
        questions.withdraw(db, run)
        if run.state is RunState.QUEUED:
            run.start()
            events.record(db, Actor.ENGINE, "started", run, attempt=run.attempt)
        else:
            run.attempt += 1
            events.record(db, Actor.ENGINE, "started_again", run, attempt=run.attempt)
        if run.attempt > MOST_ATTEMPTS:
            run.end(RunState.LOST, f"Its worker died {MOST_ATTEMPTS} times.")
            events.record(db, Actor.ENGINE, "lost", run)
            _lose(db, queries.change(db, run.change_id))
            return None
    return run


def _lose(db: Session, change: Change) -> None:
    if change.state is ChangeState.ABANDONED:
        changes.give_back_tree(db, change)
    elif change.state is ChangeState.WORKING:
        change.stall(f"The run was lost: its worker died {MOST_ATTEMPTS} times.")
        events.record(db, Actor.ENGINE, "stalled", change)


def holds(narrows: Narrows, run_id: int, executor: str) -> bool:
    """Whether the run is still the worker's own, and not another's who took it over."""
    return get(narrows, run_id).executor == executor


def undecided(narrows: Narrows, run_id: int, executor: str) -> bool:
    """Whether the run is over, and judging it and deciding on its change is up to this worker."""
    with narrows.reading() as db:
        run = run_queries.one(db, run_id)
        return run.over and run.executor == executor and run_queries.last(db, run.change_id).id == run_id


def hear(narrows: Narrows, run_id: int, line: str, change_id: int) -> None:
    """Pass on what the agent just said to whoever watches; not kept."""
    narrows.bus.publish(Signal("run", "heard", run_id, data={"line": line[:500], "change_id": change_id}))


def touch(narrows: Narrows, run_id: int, names: list[str], change_id: int) -> None:
    """Keep which files differ so far in the run's worktree, and tell whoever watches."""
    files.write_anew(folder(narrows, run_id) / "touched", "\n".join(shown(name) for name in names).encode())
    narrows.bus.publish(Signal("run", "touched", run_id, data={"change_id": change_id}))


def remember_line(narrows: Narrows, run_id: int, line: str) -> None:
    """Keep the last line heard, for pages opened later. Called seldom."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        run.last_line = line[:500]
        db.add(run)


@dataclass(frozen=True)
class Ending:
    """How the agent's part of a run came out.

    `cumulative` names what of `usage` counts from the session's beginning; `suspect` says that nothing left is a sign
    of a model that did not answer, since this agent otherwise says what it used.
    """

    state: RunState
    error: str = ""
    trouble: Trouble | None = None
    resets_at: datetime | None = None
    summary: str = ""
    session: str | None = None
    continued: bool | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    cumulative: tuple[str, ...] = ()
    suspect: bool = False


def set_out(narrows: Narrows, run_id: int, *, driven_by: str, confined_by: str) -> None:
    """The agent is about to start: which program it is, and what confines it."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        run.driven_by, run.confined_by = driven_by, confined_by
        db.add(run)


def fall_quiet(narrows: Narrows, run_id: int, since: datetime | None) -> None:
    """The agent has not said a word since then; None: it speaks again."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        if run.over:
            return
        run.quiet_since = since
        events.record(db, Actor.AGENT, "fell_quiet" if since else "spoke_again", run)


def end(narrows: Narrows, run_id: int, executor: str, ending: Ending) -> Run | None:
    """The agent's part is over; what becomes of the change is decided after the checks. None: not its own any more."""
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        if run.executor != executor:
            return None
        if not run.over:
            if ending.suspect and queries.revision_of_run(db, run_id) is None:
                ending = replace(ending, state=RunState.FAILED, trouble=Trouble.SUSPECT)
            run.end(ending.state, ending.error or (ending.trouble.meaning.capitalize() + "." if ending.trouble else ""))
            run.trouble, run.resets_at, run.summary = ending.trouble, ending.resets_at, ending.summary
            run.continued, run.quiet_since = ending.continued, None
            _account(db, run, ending)
            questions.settle(db, run)
            if ending.trouble is Trouble.RATE_LIMIT:
                pauses.begin(db, run.agent, ending.resets_at, run.error)
            _converse(db, run, ending.session)
            reviews.hear(db, run)
            actor = Actor.AGENT if ending.state is RunState.SUCCEEDED else Actor.ENGINE
            events.record(db, actor, ending.state.value, run, error=run.error, trouble=ending.trouble)
    return run


def _account(db: Session, run: Run, ending: Ending) -> None:
    """What the run used, by its agent's own arithmetic."""
    before = [each for each in run_queries.of_change(db, run.change_id) if each.id < run.id and each.session_usage]
    last = before[-1].session_usage if before and ending.continued else {}
    run.usage = usage.of_run(ending.usage, last, ending.cumulative)
    run.session_usage = {name: ending.usage[name] for name in ending.cumulative if name in ending.usage}


def converse(narrows: Narrows, run_id: int, session: str) -> None:
    """Keep which conversation the run's change is in, and since when."""
    with narrows.transaction() as db:
        _converse(db, run_queries.one(db, run_id), session)


def _converse(db: Session, run: Run, session: str | None) -> None:
    change = queries.change(db, run.change_id)
    if session and session != change.session:
        change.session, change.session_at = session, now()
        db.add(change)


def decide(narrows: Narrows, run_id: int) -> Change:
    """After a run and its checks: to the desk, back to the agent with the red log, or to the person with a reason.

    Idempotent: a change that has moved on already is left alone.
    """
    if left := revisions.of_run(narrows, run_id):
        revisions.measure_large(narrows, left)  # whether it is to be split is decided by what needs reading
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        change = queries.change(db, run.change_id)
        if not run.over or run_queries.last(db, change.id).id != run_id:
            return change
        if change.state is ChangeState.ABANDONED:
            changes.give_back_tree(db, change)
        if change.state is not ChangeState.WORKING:
            return change
        project = queries.project(db, change.project_id)
        revision = queries.revision_of_run(db, run.id)
        judged = check_queries.of_revision(db, revision.id) if revision else []
        red = [check for check in judged if check.red]
        if run.reason is Reason.SPLIT and (revision is None or run.state is not RunState.SUCCEEDED):
            change.present(splits.left_whole(db, run))  # it has a revision: that is what was to be split
            events.record(db, Actor.ENGINE, "presented", change)
        elif run.state is not RunState.SUCCEEDED:
            kept = " What it had done is kept: you can review it." if revision else ""
            change.stall(f"{_ending(run)}{kept}")
            events.record(db, Actor.ENGINE, "stalled", change)
        elif revision is None and run.reason is Reason.ANSWER and (before := queries.last_revision(db, change.id)):
            change.present("Its agent went on after your answer, and changed nothing more.")
            events.record(db, Actor.ENGINE, "presented", change, revision=before.number)
        elif revision is None:
            change.stall(_nothing(run))
            events.record(db, Actor.ENGINE, "stalled", change)
        elif red and change.check_rounds < project.check_rounds and not run.stop_asked:
            change.check_rounds += 1
            db.add(change)
            admission.follow(db, change, Reason.CHECKS, prompts.checks(red))
        elif not red and not run.stop_asked and splits.due(db, change, project, revision):
            splits.offer(db, change, project, revision)
        else:
            change.present(_verdict(judged))
            events.record(db, Actor.ENGINE, "presented", change, revision=revision.number)
    return change


def _nothing(run: Run) -> str:
    """Why there is nothing to review, in the agent's words where it has some."""
    said = run.summary.strip().partition("\n")[0][:300]
    return f"The agent changed nothing. It says: {said}" if said else "The agent ended without changing anything."


def _verdict(judged: list[Check]) -> str:
    """What the reader is told of the checks; nothing where all passed."""
    if any(check.red for check in judged):
        return "Its checks are red."
    if any(check.superseded and check.state is CheckState.PASSED for check in judged):
        return "Its checks changed the files that they were checking, so they prove nothing; a landing runs them again."
    if any(check.state is not CheckState.PASSED and not check.superseded for check in judged):
        return "Not all of its checks were run; a landing runs them."
    return ""


def _ending(run: Run) -> str:
    match run.state:
        case RunState.STOPPED:
            return "You stopped the run."
        case RunState.TIMED_OUT:
            return f"The run reached its time limit. {run.error}".strip()
        case _:
            return run.error or "The run failed."


def _settle(change: Change, why: str, *, has_revision: bool) -> None:
    if has_revision:
        change.present(why)
    else:
        change.stall(why)


def retry(narrows: Narrows, change_id: int) -> Run:
    """Another try for a change that needs attention, with the last prompt and what went wrong.

    Raises:
        WrongState: The change is elsewhere.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        if change.state is not ChangeState.NEEDS_ATTENTION:
            raise WrongState(
                f"Change {change.id} is {words(change.state)}.", "Send it back to have it done differently."
            )
        questions.forsake(db, change)
        changes.stop_runs(db, change, "Another try was asked for.")
        change.resume()
        change.check_rounds = 0
        last = run_queries.of_change(db, change_id)
        prompt = (
            last[-1].prompt
            if last
            else prompts.first(queries.task(db, change.task_id), queries.project(db, change.project_id))
        )
        error = last[-1].error if last else ""
        events.record(db, Actor.YOU, "retried", change)
        again = prompts.again(prompt, error) if error else prompt
        return admission.follow(db, change, Reason.RETRY, again, last[-1].onto if last else "")


def touched(narrows: Narrows, run_id: int) -> list[str]:
    """Files that differ so far in the run's worktree, as `touch` last kept them."""
    return (files.read_text(narrows.run_folder(run_id) / "touched") or "").splitlines()


def heartbeat(narrows: Narrows, executor: str, host: str, pid: int) -> None:
    """The worker lives."""
    with narrows.database.writing() as db:
        db.merge(Executor(id=executor, host=host, pid=pid, heard_at=now()))


def leave(narrows: Narrows, executor: str) -> None:
    """The worker ends; its runs stay its own, for when it comes back."""
    with narrows.database.writing() as db:
        if row := db.get(Executor, executor):
            db.delete(row)


def mine(narrows: Narrows, executor: str) -> list[Run]:
    """Runs admitted by `executor` that are not over, and those that are, whose changes are not decided on yet."""
    with narrows.reading() as db:
        return run_queries.of_executor(db, executor)


def take_over(narrows: Narrows, executor: str) -> list[Run]:
    """Relieve workers that are silent for too long: their runs wait for admission again, with the next attempt number;
    those that are over, but for their checks and the decision, become `executor`'s own.
    """
    with narrows.reading() as db:
        if not run_queries.orphaned(db, executor, now() - SILENT_AFTER):
            return []
    with narrows.transaction() as db:
        runs = run_queries.orphaned(db, executor, now() - SILENT_AFTER)
        for run in runs:
            dead = run.executor
            if run.over:
                run.executor = executor
            else:
                run.hand_over()
            events.record(db, Actor.ENGINE, "handed_over", run, dead=dead, attempt=run.attempt)
        return runs


def folder(narrows: Narrows, run_id: int) -> Path:
    """The run's folder, made when it is not there."""
    path = narrows.run_folder(run_id)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
