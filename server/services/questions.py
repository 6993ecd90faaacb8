"""What agents ask to be allowed, and what comes of the person's answer."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlmodel import Session

from server.domain.base import now
from server.domain.change import Change
from server.domain.event import Actor
from server.domain.question import TOOLS, Question
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, QuestionState, RunState
from server.domain.trouble import Trouble
from server.services import admission, events
from server.services.narrows import Narrows
from server.store import queries, run_queries

LONGEST = 100_000  # characters of what a wish is about
LINE = 120  # characters of it in a sentence


def get(narrows: Narrows, question_id: int) -> Question:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.question(db, question_id)


def unanswered(narrows: Narrows) -> list[Question]:
    """Every question that an answer is good for, oldest first."""
    with narrows.reading() as db:
        return queries.unanswered_questions(db)


def granted(narrows: Narrows, run_id: int, tool: str, title: str, detail: str = "") -> bool | None:
    """The answer that an earlier one gives to a run's wish; None where the person has to be asked.

    An answer for a whole run holds for every wish with that kind of tool. One that came after its run had stopped
    waiting holds for exactly that wish in the run that it started; and what it allowed, in all that follow.
    """
    subject = _kept(detail) or _kept(title)
    with narrows.reading() as db:
        run = run_queries.one(db, run_id)
        answered = queries.answered_questions(db, run.change_id)
        runs = [each.id for each in run_queries.of_change(db, run.change_id)]
    for question in reversed(answered):
        allowed = question.state is QuestionState.ALLOWED
        heir = question.answered_late and _next(runs, question.run_id) == run_id
        later = question.answered_late and question.run_id < run_id
        same = (question.tool, question.subject) == (tool, subject)
        whole = question.whole_run and question.tool == tool
        if (whole and (question.run_id == run_id or heir)) or (same and (heir or (later and allowed))):
            return allowed
    return None


def _next(runs: list[int], run_id: int) -> int | None:
    return next((each for each in runs if each > run_id), None)


def ask(narrows: Narrows, run_id: int, executor: str, *, tool: str, title: str, detail: str = "") -> Question | None:
    """Put a run's wish to the person: its change comes to the desk. None: the run is to end, so nobody is asked.

    Args:
        tool: The kind of tool.
        title: The agent's words for what it wants.
        detail: The command or the paths.
    """
    with narrows.transaction() as db:
        run = run_queries.one(db, run_id)
        change = queries.change(db, run.change_id)
        at_work = run.state is RunState.RUNNING and run.executor == executor and not run.stop_asked
        if not at_work or change.state not in (ChangeState.WORKING, ChangeState.NEEDS_ATTENTION):
            return None
        project = queries.project(db, run.project_id)
        question = Question(
            run_id=run.id,
            change_id=change.id,
            project_id=project.id,
            tool=tool,
            title=_kept(title),
            detail=_kept(detail),
            waits_until=now() + timedelta(minutes=project.ask_minutes),
        )
        events.record(db, Actor.AGENT, "asked", question)
        more = change.state is ChangeState.NEEDS_ATTENTION
        change.ask(change.note if more else sentence(question))
        events.record(db, Actor.AGENT, "asked_more" if more else "asked", change, question=question.id)
    return question


def outlast(narrows: Narrows, run_id: int) -> None:
    """The run waits no longer for any answer; each still starts another run when it comes."""
    with narrows.transaction() as db:
        _outlast(db, run_queries.one(db, run_id))


def answer(narrows: Narrows, question_id: int, *, allowed: bool, whole_run: bool = False) -> Question:
    """Say whether the agent may. With the change's last answer it goes on: in the run that waits, or in another.

    Args:
        whole_run: The answer holds for every wish with this kind of tool in the rest of the run.

    Raises:
        NotFound: No such question.
        WrongState: It was answered before, or nothing depends on it any more.
    """
    with narrows.transaction() as db:
        question = queries.question(db, question_id)
        question.answer(allowed=allowed, whole_run=whole_run)
        for each in [question, *(_alike(db, question) if whole_run else ())]:
            if each.unanswered:
                each.answer(allowed=allowed, whole_run=True)
            events.record(db, Actor.YOU, "answered", each, allowed=allowed, whole_run=whole_run)
        _go_on(db, queries.change(db, question.change_id), question)
    return question


def _alike(db: Session, question: Question) -> list[Question]:
    """What else the same run asks about the same kind of tool."""
    others = queries.unanswered_questions(db, question.change_id)
    return [each for each in others if (each.run_id, each.tool) == (question.run_id, question.tool)]


def _go_on(db: Session, change: Change, last: Question) -> None:
    if change.state is not ChangeState.NEEDS_ATTENTION:
        return
    if rest := queries.unanswered_questions(db, change.id):
        change.ask(sentence(rest[0]))
        db.add(change)
        return
    change.resume()
    events.record(db, Actor.YOU, "resumed", change)
    if last.answered_late:
        given = [each for each in queries.answered_questions(db, change.id) if each.run_id == last.run_id]
        admission.follow(db, change, Reason.ANSWER, prompt([each for each in given if each.answered_late]))


def withdraw(db: Session, run: Run, actor: Actor = Actor.ENGINE) -> None:
    """The run ends, or begins anew: nothing depends on what it had asked, and its change is the agent's again. Inside
    the caller's transaction.
    """
    asked = queries.open_questions(db, run.id)
    _withdraw(db, asked, actor)
    change = queries.change(db, run.change_id)
    if asked and change.state is ChangeState.NEEDS_ATTENTION and not queries.unanswered_questions(db, change.id):
        change.resume()
        events.record(db, actor, "resumed", change)


def settle(db: Session, run: Run) -> None:
    """What becomes of the questions of a run that is over: those that it only stopped waiting for start another run
    when they are answered, the others are nobody's any more. Inside the caller's transaction.
    """
    if run.state is RunState.TIMED_OUT or run.trouble is Trouble.UNANSWERED:
        _outlast(db, run)
    else:
        withdraw(db, run)


def forsake(db: Session, change: Change) -> None:
    """The person decided otherwise about the change: nothing depends on what was asked for it. Inside the caller's
    transaction.
    """
    _withdraw(db, queries.unanswered_questions(db, change.id), Actor.YOU)


def _withdraw(db: Session, asked: list[Question], actor: Actor) -> None:
    for question in asked:
        question.withdraw()
        events.record(db, actor, "withdrawn", question)


def _outlast(db: Session, run: Run) -> None:
    asked = queries.open_questions(db, run.id)
    for question in asked:
        question.outlast()
        events.record(db, Actor.ENGINE, "outlasted", question)
    change = queries.change(db, run.change_id)
    if asked and change.state is ChangeState.NEEDS_ATTENTION:
        change.ask(sentence(asked[0]))
        events.record(db, Actor.ENGINE, "stopped_waiting", change)


def sentence(question: Question) -> str:
    """The question in one line: It asks: may it run `make install`?"""
    asks = "It asked" if question.state is QuestionState.WAITING else "It asks"
    return f"{asks}: may it {wish(question)}?"


def wish(question: Question) -> str:
    """What the agent wants, after "to": run `make install`."""
    subject = " ".join(question.subject.split()) or "a tool that it does not name"
    line = subject if len(subject) <= LINE else subject[: LINE - 1] + "…"
    return f"{TOOLS.get(question.tool, 'use')} `{line}`"


def prompt(answered: list[Question]) -> str:
    """What the agent is told when the answers came after its run had stopped waiting for them."""
    parts = ["# What you asked"]
    for question in answered:
        verdict = "Yes, you may." if question.state is QuestionState.ALLOWED else "No, you may not. Find another way."
        verb = TOOLS.get(question.tool, "use")
        quoted = "\n".join(f"> {line}" for line in question.subject.splitlines())
        parts.append(f"You asked whether you may {verb}:\n\n{quoted}\n\n{verdict}")
    parts.append("---\n\nGo on with the task where you were, in the same working tree.")
    return "\n\n".join(parts) + "\n"


def _kept(text: str) -> str:
    """An agent's words as a database takes them. What is cut off is said, and told apart by its digest: an answer to
    one wish is none to another that only begins alike.
    """
    text = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:LONGEST]}\n[{len(text) - LONGEST} more characters are not shown; sha256 of the whole: {digest}]"
