"""What an agent asks to be allowed: who hears of it, what an answer does, and that nothing ends in a dead end."""

from __future__ import annotations

import pytest

from server.domain.change import Change
from server.domain.errors import WrongState
from server.domain.question import Question
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, QuestionState, RunState
from server.domain.trouble import Trouble
from server.services import admission, changes, desk, questions, reviews, runs
from server.store import run_queries
from tests.services.workshop import ME, Workshop


def at_work(workshop: Workshop, title: str = "Say it") -> Run:
    task = workshop.file(title)
    return next(run for run in workshop.admit() if run.task_id == task.id)


def ask(workshop: Workshop, run: Run, command: str = "make install", tool: str = "execute") -> Question:
    asked = questions.ask(workshop.narrows, run.id, ME, tool=tool, title=f"Run {command}", detail=command)
    assert asked is not None
    return asked


def change_of(workshop: Workshop, run: Run) -> Change:
    return changes.get(workshop.narrows, run.change_id)


def state(workshop: Workshop, question: Question) -> QuestionState:
    return questions.get(workshop.narrows, question.id).state


def gives_up(workshop: Workshop, run: Run) -> None:
    """Nobody answers in time, and the run ends."""
    questions.outlast(workshop.narrows, run.id)
    ends(workshop, run, RunState.FAILED, Trouble.UNANSWERED)


def ends(workshop: Workshop, run: Run, how: RunState, trouble: Trouble | None = None) -> Change:
    with workshop.narrows.transaction() as db:
        run_queries.one(db, run.id).trouble = trouble
    workshop.end(run, how)
    return runs.decide(workshop.narrows, run.id)


def test_a_question_brings_its_change_to_the_desk_before_all_others(workshop: Workshop) -> None:
    workshop.change(title="read me", priority=9)
    run = at_work(workshop)
    ask(workshop, run)
    first, second = desk.desk(workshop.narrows).waiting
    assert (first.title, first.why_here) == ("Say it", "its agent waits for your word")
    assert first.change.note == "It asks: may it run `make install`?"
    assert (second.title, second.why_here) == ("read me", "priority 9")
    assert not runs.get(workshop.narrows, run.id).over


def test_an_answer_in_time_is_for_the_run_that_waits(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    answered = questions.answer(workshop.narrows, asked.id, allowed=True)
    assert (answered.state, answered.answered_late) == (QuestionState.ALLOWED, False)
    assert change_of(workshop, run).state is ChangeState.WORKING
    assert [each.id for each in runs.of_change(workshop.narrows, run.change_id)] == [run.id]
    assert questions.granted(workshop.narrows, run.id, "execute", "", "make install") is None  # once is once


def test_one_of_two_answers_leaves_the_other_on_the_desk(workshop: Workshop) -> None:
    run = at_work(workshop)
    first, second = ask(workshop, run, "make install"), ask(workshop, run, "make clean")
    questions.answer(workshop.narrows, first.id, allowed=False)
    change = change_of(workshop, run)
    assert (change.state, change.note) == (ChangeState.NEEDS_ATTENTION, "It asks: may it run `make clean`?")
    questions.answer(workshop.narrows, second.id, allowed=True)
    assert change_of(workshop, run).state is ChangeState.WORKING


def test_an_answer_for_the_whole_run_is_one_for_every_wish_of_its_kind(workshop: Workshop) -> None:
    run = at_work(workshop)
    first, second = ask(workshop, run, "make install"), ask(workshop, run, "make clean")
    other = ask(workshop, run, "notes.txt", tool="delete")
    questions.answer(workshop.narrows, first.id, allowed=True, whole_run=True)
    assert state(workshop, second) is QuestionState.ALLOWED
    assert state(workshop, other) is QuestionState.OPEN
    assert questions.granted(workshop.narrows, run.id, "execute", "anything") is True
    assert questions.granted(workshop.narrows, run.id, "delete", "", "notes.txt") is None


def test_a_second_answer_is_refused_with_a_sentence(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    questions.answer(workshop.narrows, asked.id, allowed=True)
    with pytest.raises(WrongState, match=f"Question {asked.id} was allowed already"):
        questions.answer(workshop.narrows, asked.id, allowed=False)


def test_an_answer_after_the_run_starts_another_that_is_told_and_granted(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked, refused = ask(workshop, run), ask(workshop, run, "rm -r /")
    gives_up(workshop, run)
    change = change_of(workshop, run)
    assert (change.state, change.note) == (ChangeState.NEEDS_ATTENTION, "It asked: may it run `make install`?")
    questions.answer(workshop.narrows, asked.id, allowed=True)
    assert change_of(workshop, run).state is ChangeState.NEEDS_ATTENTION
    questions.answer(workshop.narrows, refused.id, allowed=False)
    assert change_of(workshop, run).state is ChangeState.WORKING
    [follow_up] = workshop.admit()
    assert follow_up.reason is Reason.ANSWER
    assert "> make install\n\nYes, you may." in follow_up.prompt
    assert "> rm -r /\n\nNo, you may not." in follow_up.prompt
    told = {what: questions.granted(workshop.narrows, follow_up.id, "execute", "", what) for what in WISHES}
    assert told == {"make install": True, "rm -r /": False, "make clean": None}


def test_work_that_was_there_before_a_late_answer_is_read_when_nothing_more_comes_after_it(workshop: Workshop) -> None:
    run = at_work(workshop)
    workshop.write(run, {"said.txt": "said\n"})
    asked = ask(workshop, run)
    workshop.take(run)
    gives_up(workshop, run)
    questions.answer(workshop.narrows, asked.id, allowed=True)
    [follow_up] = workshop.admit()
    runs.begin(workshop.narrows, follow_up.id, ME)
    workshop.end(follow_up)
    change = runs.decide(workshop.narrows, follow_up.id)
    assert change.state is ChangeState.IN_REVIEW
    assert change.note == "Its agent went on after your answer, and changed nothing more."


WISHES = ("make install", "rm -r /", "make clean")


def test_what_was_allowed_late_stays_allowed_and_what_was_refused_can_be_asked_again(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked, refused = ask(workshop, run), ask(workshop, run, "rm -r /")
    gives_up(workshop, run)
    questions.answer(workshop.narrows, asked.id, allowed=True)
    questions.answer(workshop.narrows, refused.id, allowed=False)
    [second] = workshop.admit()
    workshop.finish(second, {"said.txt": "said\n"})
    reviews.request_changes(workshop.narrows, run.change_id, revision=1, message="Louder.")
    [third] = workshop.admit()
    told = {what: questions.granted(workshop.narrows, third.id, "execute", "", what) for what in WISHES}
    assert told == {"make install": True, "rm -r /": None, "make clean": None}


def test_an_answer_between_the_last_moment_and_the_end_of_the_run_still_starts_another(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    questions.outlast(workshop.narrows, run.id)
    questions.answer(workshop.narrows, asked.id, allowed=True)
    assert admission.admit(workshop.narrows, ME) == []  # the first still has the worktree
    change = ends(workshop, run, RunState.FAILED, Trouble.UNANSWERED)
    assert change.state is ChangeState.WORKING
    [follow_up] = workshop.admit()
    assert follow_up.reason is Reason.ANSWER


def test_a_run_whose_time_is_up_while_it_asks_can_still_be_answered(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    assert ends(workshop, run, RunState.TIMED_OUT).state is ChangeState.NEEDS_ATTENTION
    assert state(workshop, asked) is QuestionState.WAITING
    questions.answer(workshop.narrows, asked.id, allowed=True)
    assert change_of(workshop, run).state is ChangeState.WORKING


@pytest.mark.parametrize(
    ("how", "note"),
    [(RunState.FAILED, "It broke."), (RunState.SUCCEEDED, "The agent ended without changing anything.")],
)
def test_a_run_that_ends_without_its_answer_takes_the_question_with_it(
    workshop: Workshop, how: RunState, note: str
) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    workshop.end(run, how, "It broke." if how is RunState.FAILED else "")
    change = runs.decide(workshop.narrows, run.id)
    assert (change.state, change.note) == (ChangeState.NEEDS_ATTENTION, note)
    assert state(workshop, asked) is QuestionState.WITHDRAWN
    with pytest.raises(WrongState, match="is not asked any more"):
        questions.answer(workshop.narrows, asked.id, allowed=True)


def test_stopping_a_run_that_asks_clears_the_desk_at_once(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    runs.stop(workshop.narrows, run.id)
    assert state(workshop, asked) is QuestionState.WITHDRAWN
    assert desk.desk(workshop.narrows).waiting_count == 0
    assert questions.ask(workshop.narrows, run.id, ME, tool="execute", title="more") is None
    change = ends(workshop, run, RunState.STOPPED)
    assert (change.state, change.note) == (ChangeState.NEEDS_ATTENTION, "You stopped the run.")


def test_a_run_that_begins_again_asks_anew(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    again = runs.begin(workshop.narrows, run.id, ME)
    assert again is not None
    assert again.attempt == 2
    assert state(workshop, asked) is QuestionState.WITHDRAWN
    assert change_of(workshop, run).state is ChangeState.WORKING


def test_a_change_that_asks_can_be_abandoned_and_restored(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    changes.abandon(workshop.narrows, run.change_id)
    assert state(workshop, asked) is QuestionState.WITHDRAWN
    assert runs.get(workshop.narrows, run.id).stop_asked
    ends(workshop, run, RunState.STOPPED)
    restored = changes.restore(workshop.narrows, run.change_id)
    assert restored.state is ChangeState.NEEDS_ATTENTION
    assert runs.retry(workshop.narrows, run.change_id).reason is Reason.RETRY


def test_trying_again_stops_the_run_that_waits(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    second = runs.retry(workshop.narrows, run.change_id)
    assert state(workshop, asked) is QuestionState.WITHDRAWN
    assert runs.get(workshop.narrows, run.id).stop_asked
    assert ends(workshop, run, RunState.STOPPED).state is ChangeState.WORKING
    assert [each.id for each in workshop.admit()] == [second.id]


def test_trying_again_instead_of_a_late_answer_needs_no_answer(workshop: Workshop) -> None:
    run = at_work(workshop)
    asked = ask(workshop, run)
    gives_up(workshop, run)
    runs.retry(workshop.narrows, run.change_id)
    assert state(workshop, asked) is QuestionState.WITHDRAWN


def test_what_was_there_before_can_be_read_once_its_run_waits_no_longer(workshop: Workshop) -> None:
    change = workshop.change()
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    asked = ask(workshop, run)
    with pytest.raises(WrongState, match="waits for your answer"):
        reviews.keep(workshop.narrows, change.id)
    gives_up(workshop, run)
    assert reviews.keep(workshop.narrows, change.id).state is ChangeState.IN_REVIEW
    assert state(workshop, asked) is QuestionState.WITHDRAWN


def test_a_wish_that_was_put_off_stands_behind_what_can_be_read(workshop: Workshop) -> None:
    run = at_work(workshop)
    ask(workshop, run)
    reviews.later(workshop.narrows, run.change_id)
    workshop.change(title="read me")
    assert [each.title for each in desk.desk(workshop.narrows).waiting] == ["read me", "Say it"]


def test_nobody_is_asked_for_a_run_of_another_worker(workshop: Workshop) -> None:
    run = at_work(workshop)
    assert questions.ask(workshop.narrows, run.id, "another", tool="execute", title="x") is None


def test_hostile_words_are_kept_whole_or_said_to_be_cut(workshop: Workshop) -> None:
    run = at_work(workshop)
    odd = questions.ask(workshop.narrows, run.id, ME, tool="execute", title="\ud800\0\u202e", detail="")
    assert odd is not None
    assert questions.get(workshop.narrows, odd.id).title == "?\N{REPLACEMENT CHARACTER}\u202e"
    long = "x" * 150_000
    asked = ask(workshop, run, long)
    assert "50000 more characters are not shown" in asked.detail
    gives_up(workshop, run)
    for question in (odd, asked):
        questions.answer(workshop.narrows, question.id, allowed=True)
    [follow_up] = workshop.admit()
    assert questions.granted(workshop.narrows, follow_up.id, "execute", "", long) is True
    assert questions.granted(workshop.narrows, follow_up.id, "execute", "", long[:-1] + "y") is None
