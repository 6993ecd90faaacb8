"""A run from its start to what becomes of its change; stopped, lost, taken over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from server.bus import Signal
from server.domain.base import now
from server.domain.change import Change
from server.domain.errors import NotFound, WrongState
from server.domain.event import Actor
from server.domain.run import SILENT_AFTER, Executor, Reason, Run
from server.domain.states import ChangeState, CheckState, RunState
from server.domain.trouble import Trouble
from server.git import mirrors
from server.services import admission, changes, checks, events, projects, reviews, revisions, runs
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop

SAID = {"said.txt": "said\n"}


@pytest.fixture
def run(workshop: Workshop) -> Run:
    """At work."""
    workshop.file()
    [run] = workshop.admit()
    return run


def verbs(narrows: Narrows, change_id: int) -> list[str]:
    return [f"{event.noun} {event.verb}" for event in events.of_change(narrows, change_id)]


# What becomes of the change


def test_a_run_that_succeeded_brings_its_change_to_the_desk(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, SAID)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "")
    assert change.ready_at is not None
    assert verbs(workshop.narrows, change.id) == [
        "change began",
        "run queued",
        "run admitted",
        "run started",
        "revision revised",
        "run succeeded",
        "change presented",
    ]


def test_a_decision_is_made_once(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, SAID)
    told = verbs(workshop.narrows, change.id)
    assert runs.decide(workshop.narrows, run.id).state is ChangeState.IN_REVIEW
    assert verbs(workshop.narrows, change.id) == told


def test_an_agent_that_changed_nothing_leaves_the_person_a_question(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, {})
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert change.note.startswith("The agent ended without changing anything.")


@pytest.mark.parametrize(
    ("state", "error", "note"),
    [
        (RunState.FAILED, "The agent ended with exit code 3.", "The agent ended with exit code 3."),
        (RunState.FAILED, "", "The run failed."),
        (RunState.TIMED_OUT, "", "The run reached its time limit."),
        (RunState.STOPPED, "", "You stopped the run."),
    ],
)
def test_a_run_that_came_to_nothing_says_why(
    workshop: Workshop, run: Run, state: RunState, error: str, note: str
) -> None:
    change = workshop.finish(run, {}, state=state, error=error)
    assert (change.state, change.note) == (ChangeState.NEEDS_ATTENTION, note)


def test_what_a_failed_run_had_done_is_kept_for_review(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, SAID, state=RunState.FAILED, error="It broke.")
    assert change.note == "It broke. What it had done is kept: you can review it."
    assert reviews.keep(workshop.narrows, change.id).state is ChangeState.IN_REVIEW


def test_red_checks_go_back_to_the_agent_until_the_rounds_are_over(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    projects.configure(narrows, workshop.project.id, check_rounds=1)
    change = workshop.finish(run, SAID, red=["make test"])
    assert change.state is ChangeState.WORKING
    [follow_up] = workshop.admit()
    assert follow_up.reason is Reason.CHECKS
    assert "`make test` (exit 1)" in follow_up.prompt
    assert "looking at make test" in follow_up.prompt

    change = workshop.finish(follow_up, {"said.txt": "said again\n"}, red=["make test"])
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "Its checks are red.")


def test_the_person_speaking_gives_the_agent_its_rounds_again(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    projects.configure(narrows, workshop.project.id, check_rounds=1)
    workshop.finish(run, SAID, red=["make test"])
    [second] = workshop.admit()
    change = workshop.finish(second, {"said.txt": "2\n"}, red=["make test"])
    reviews.request_changes(narrows, change.id, revision=2, message="Try harder.")
    [third] = workshop.admit()
    assert workshop.finish(third, {"said.txt": "3\n"}, red=["make test"]).state is ChangeState.WORKING


def test_a_change_whose_checks_have_no_result_says_so(workshop: Workshop, run: Run) -> None:
    workshop.write(run, SAID)
    revision = workshop.take(run)
    assert revision is not None
    workshop.end(run)
    [check] = checks.plan(workshop.narrows, workshop.project, revision)
    checks.skip(workshop.narrows, check.id)
    assert runs.decide(workshop.narrows, run.id).note == "Not all of its checks were run; a landing runs them."


def test_checks_that_changed_what_they_checked_prove_nothing(workshop: Workshop, run: Run) -> None:
    workshop.write(run, SAID)
    revision = workshop.take(run)
    assert revision is not None
    workshop.end(run)
    [check] = checks.plan(workshop.narrows, workshop.project, revision)
    checks.start(workshop.narrows, check.id)
    checks.end(workshop.narrows, check.id, CheckState.PASSED, 0, 0.1, counts=False)
    assert not checks.proven(workshop.narrows, workshop.project, revision.tree)
    assert "prove nothing" in runs.decide(workshop.narrows, run.id).note


def test_a_report_is_a_revision_without_files(workshop: Workshop) -> None:
    workshop.file(kind="research")
    [run] = workshop.admit()
    change = workshop.finish(run, {}, summary="In short.", report="# Findings\n\nMany.")
    revision = revisions.get(workshop.narrows, change.id, 1)
    assert (revision.report, revision.files, change.state) == ("# Findings\n\nMany.", 0, ChangeState.IN_REVIEW)
    assert revisions.outline(workshop.narrows, revision) == []


# Revisions


def test_a_run_has_one_revision_however_often_it_is_collected(workshop: Workshop, run: Run) -> None:
    workshop.write(run, SAID)
    first = workshop.take(run)
    workshop.write(run, {"said.txt": "something else meanwhile\n"})
    again = workshop.take(run)
    assert first is not None
    assert again is not None
    assert again.id == first.id
    assert again.commit == first.commit


def test_a_revision_is_held_by_a_ref_of_the_mirror_and_never_changes(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    change = workshop.finish(run, SAID)
    first = revisions.get(narrows, change.id, 1)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    [follow_up] = workshop.admit()
    workshop.finish(follow_up, {"said.txt": "SAID\n"})

    assert revisions.get(narrows, change.id, 1) == first
    assert [revision.number for revision in revisions.of_change(narrows, change.id)] == [1, 2]
    for number, content in ((1, b"said\n"), (2, b"SAID\n")):
        revision = revisions.get(narrows, change.id, number)
        assert revisions.whole_file(narrows, revision, "said.txt", old=False) == content
        assert mirrors.resolve(workshop.mirror, revision.ref) == revision.commit


def test_a_follow_up_that_changed_nothing_makes_no_revision(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, SAID)
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder.")
    [follow_up] = workshop.admit()
    assert workshop.finish(follow_up, {}).state is ChangeState.NEEDS_ATTENTION
    assert len(revisions.of_change(workshop.narrows, change.id)) == 1


def test_a_file_is_found_by_either_name_and_only_in_the_diff(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, {"said.txt": "said\n", "notes.txt": "one\ntwo\nthree\nfour\n"})
    revision = revisions.get(workshop.narrows, change.id, 1)
    assert [row.path for row in revisions.outline(workshop.narrows, revision)] == ["notes.txt", "said.txt"]
    assert revisions.file(workshop.narrows, revision, 1).path == "said.txt"
    assert revisions.find_position(workshop.narrows, revision, "said.txt") == 1
    with pytest.raises(NotFound, match=r"README\.md is not part of this revision"):
        revisions.find_position(workshop.narrows, revision, "README.md")
    with pytest.raises(NotFound, match="no file 2"):
        revisions.file(workshop.narrows, revision, 2)
    with pytest.raises(NotFound, match=f"Change {change.id} has no revision 2"):
        revisions.get(workshop.narrows, change.id, 2)


# Stopping


def test_a_run_at_work_is_asked_to_stop_and_ended_by_its_worker(workshop: Workshop, run: Run) -> None:
    asked = runs.stop(workshop.narrows, run.id)
    assert (asked.state, asked.stop_asked) == (RunState.RUNNING, True)
    assert verbs(workshop.narrows, run.change_id)[-1] == "run stop_asked"


def test_a_run_that_waits_stops_at_once_and_its_change_comes_back(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    change = workshop.finish(run, SAID)
    waiting = reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    assert runs.stop(narrows, waiting.id).state is RunState.STOPPED
    change = workshop.get(change)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "Stopped before it started.")
    assert admission.admit(narrows, ME) == []


def test_a_retry_that_waits_and_is_stopped_needs_attention_again(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, {}, state=RunState.FAILED)
    again = runs.retry(workshop.narrows, change.id)
    runs.stop(workshop.narrows, again.id)
    assert workshop.get(change).state is ChangeState.NEEDS_ATTENTION


def test_nothing_is_left_to_stop_of_a_run_that_is_over(workshop: Workshop, run: Run) -> None:
    workshop.finish(run, {}, state=RunState.TIMED_OUT)
    with pytest.raises(WrongState, match=f"Run {run.id} is over: timed out"):
        runs.stop(workshop.narrows, run.id)


def test_red_checks_of_a_run_that_was_stopped_late_go_to_the_person(workshop: Workshop, run: Run) -> None:
    """The person said stop just as the agent ended by itself: it is not sent to work again."""
    workshop.write(run, SAID)
    revision = workshop.take(run)
    assert revision is not None
    runs.stop(workshop.narrows, run.id)
    workshop.end(run)
    workshop.judge(revision, red=["make test"])
    change = runs.decide(workshop.narrows, run.id)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "Its checks are red.")


def test_stop_and_end_at_once_leave_one_whole_outcome(workshop: Workshop) -> None:
    narrows = workshop.narrows
    for _ in range(10):
        workshop.file()
        [run] = workshop.admit()
        workshop.write(run, SAID)
        workshop.take(run)
        stop: Callable[[Narrows, int], object] = runs.stop
        with ThreadPoolExecutor(2) as pool:
            stopping = pool.submit(stop, narrows, run.id)
            pool.submit(workshop.end, run).result()
        assert stopping.exception() is None or isinstance(stopping.exception(), WrongState)
        assert runs.get(narrows, run.id).state is RunState.SUCCEEDED
        assert runs.decide(narrows, run.id).state is ChangeState.IN_REVIEW


# What its agent and its model said


def test_an_agent_that_did_nothing_and_used_nothing_is_suspect(workshop: Workshop, run: Run) -> None:
    ended = runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.SUCCEEDED, suspect=True, summary="Done!"))
    assert ended is not None
    assert (ended.state, ended.trouble) == (RunState.FAILED, Trouble.SUSPECT)
    change = runs.decide(workshop.narrows, run.id)
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert change.note == f"{Trouble.SUSPECT.meaning.capitalize()}."


def test_an_agent_that_used_nothing_and_left_work_is_believed(workshop: Workshop, run: Run) -> None:
    """Success is what was seen: the diff, and the checks."""
    workshop.write(run, SAID)
    workshop.take(run)
    ended = runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.SUCCEEDED, suspect=True))
    assert ended is not None
    assert (ended.state, ended.trouble, ended.error) == (RunState.SUCCEEDED, None, "")


def test_a_trouble_without_words_of_its_own_is_said_by_its_meaning(workshop: Workshop, run: Run) -> None:
    ended = runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.FAILED, trouble=Trouble.LOGIN))
    assert ended is not None
    assert ended.error == "Its model refused the login."


def session_turn(workshop: Workshop, run: Run, *, continued: bool | None, **used: float) -> Run:
    """The run's end, its agent having counted its cost from the session's beginning; and the next follow-up."""
    workshop.write(run, {"said.txt": f"{run.id}\n"})
    revision = workshop.take(run)
    assert revision is not None
    ending = runs.Ending(
        RunState.SUCCEEDED, session="s-1", continued=continued, usage={**used, "currency": "USD"}, cumulative=("cost",)
    )
    runs.end(workshop.narrows, run.id, ME, ending)
    workshop.judge(revision)
    runs.decide(workshop.narrows, run.id)
    reviews.request_changes(workshop.narrows, run.change_id, revision=revision.number, message="Louder.")
    [follow_up] = workshop.admit()
    return follow_up


def test_what_is_told_for_a_whole_session_is_a_runs_own_only_by_difference(workshop: Workshop, run: Run) -> None:
    second = session_turn(workshop, run, continued=None, input=10, cost=0.5)
    third = session_turn(workshop, second, continued=True, input=20, cost=0.75)
    fourth = session_turn(workshop, third, continued=False, input=30, cost=0.125)
    session_turn(workshop, fourth, continued=True, input=40, cost=0.375)
    used = [runs.get(workshop.narrows, each.id).usage for each in (run, second, third, fourth)]
    assert [(each["input"], each["cost"]) for each in used] == [(10, 0.5), (20, 0.25), (30, 0.125), (40, 0.25)]


# Trying again


def test_another_try_gets_the_prompt_and_what_went_wrong(workshop: Workshop, run: Run) -> None:
    change = workshop.finish(run, {}, state=RunState.FAILED, error="It broke.")
    again = runs.retry(workshop.narrows, change.id)
    assert again.reason is Reason.RETRY
    assert again.prompt == f"The last try came to nothing: It broke.\n\n{run.prompt}"
    assert workshop.get(change).state is ChangeState.WORKING


@pytest.mark.parametrize("where", ["working", "in review"])
def test_only_what_needs_attention_is_tried_again(workshop: Workshop, run: Run, where: str) -> None:
    if where == "in review":
        workshop.finish(run, SAID)
    with pytest.raises(WrongState, match=f"Change {run.change_id} is {where}"):
        runs.retry(workshop.narrows, run.change_id)


# Workers that die


def heard(narrows: Narrows, executor: str, ago: timedelta) -> None:
    with narrows.database.writing() as db:
        db.merge(Executor(id=executor, host="h", pid=1, heard_at=now() - ago))


def test_the_runs_of_a_silent_worker_are_taken_over_as_the_next_attempt(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    heard(narrows, ME, SILENT_AFTER + timedelta(seconds=1))
    [handed] = runs.take_over(narrows, "other")
    assert (handed.id, handed.state, handed.attempt, handed.executor) == (run.id, RunState.QUEUED, 2, None)
    assert runs.take_over(narrows, "other") == []

    [taken] = admission.admit(narrows, "other")
    assert taken.ticket == f"run-{run.id}-2"
    assert runs.begin(narrows, run.id, "other") is not None


def test_a_worker_that_speaks_keeps_its_runs(workshop: Workshop, run: Run) -> None:
    heard(workshop.narrows, ME, SILENT_AFTER - timedelta(seconds=5))
    assert runs.take_over(workshop.narrows, "other") == []


def test_nobody_takes_over_from_itself(workshop: Workshop, run: Run) -> None:
    heard(workshop.narrows, ME, timedelta(days=1))
    assert runs.take_over(workshop.narrows, ME) == []


def test_a_worker_that_was_taken_over_from_is_fenced_out(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    heard(narrows, ME, timedelta(days=1))
    runs.take_over(narrows, "other")
    admission.admit(narrows, "other")
    assert runs.begin(narrows, run.id, ME) is None
    assert runs.end(narrows, run.id, ME, runs.Ending(RunState.SUCCEEDED)) is None
    assert not runs.holds(narrows, run.id, ME)
    assert runs.holds(narrows, run.id, "other")
    assert runs.get(narrows, run.id).state is RunState.QUEUED


def test_a_worker_that_left_is_taken_over_from_at_once(workshop: Workshop, run: Run) -> None:
    runs.leave(workshop.narrows, ME)
    runs.leave(workshop.narrows, ME)
    assert [each.id for each in runs.take_over(workshop.narrows, "other")] == [run.id]


def test_a_worker_that_comes_back_goes_on_with_what_is_its_own(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    assert [each.id for each in runs.mine(narrows, ME)] == [run.id]
    again = runs.begin(narrows, run.id, ME)
    assert again is not None
    assert again.attempt == 2

    workshop.write(run, SAID)
    revision = workshop.take(run)
    workshop.end(run)
    assert [each.id for each in runs.mine(narrows, ME)] == [run.id], "its change is not decided yet"
    assert revision is not None
    workshop.judge(revision)
    runs.decide(narrows, run.id)
    assert runs.mine(narrows, ME) == []


def kill_until_lost(narrows: Narrows, run: Run) -> None:
    for _ in range(runs.MOST_ATTEMPTS - 1):
        assert runs.begin(narrows, run.id, ME) is not None
    assert runs.begin(narrows, run.id, ME) is None
    assert runs.get(narrows, run.id).state is RunState.LOST


def test_a_run_whose_worker_died_too_often_is_lost_and_a_person_hears_of_it(workshop: Workshop, run: Run) -> None:
    kill_until_lost(workshop.narrows, run)
    change = changes.get(workshop.narrows, run.change_id)
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert change.note == f"The run was lost: its worker died {runs.MOST_ATTEMPTS} times."
    assert runs.retry(workshop.narrows, change.id).attempt == 1


def test_a_lost_run_of_an_abandoned_change_gives_its_worktree_back(workshop: Workshop, run: Run) -> None:
    changes.abandon(workshop.narrows, run.change_id)
    kill_until_lost(workshop.narrows, run)
    change = changes.get(workshop.narrows, run.change_id)
    assert (change.state, change.slot) == (ChangeState.ABANDONED, None)


def test_an_abandoned_change_stays_abandoned_when_its_handed_over_run_is_stopped(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    changes.abandon(narrows, run.change_id)
    heard(narrows, ME, timedelta(days=1))
    runs.take_over(narrows, "other")
    runs.stop(narrows, run.id)
    assert changes.get(narrows, run.change_id).state is ChangeState.ABANDONED


# What is seen of it


def test_the_last_line_and_the_files_touched_are_there_for_who_comes_later(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    assert runs.touched(narrows, run.id) == []
    runs.remember_line(narrows, run.id, "x" * 600)
    assert runs.get(narrows, run.id).last_line == "x" * 500
    folder = runs.folder(narrows, run.id)
    (folder / "touched").write_text("a.txt\nb.txt")
    assert runs.touched(narrows, run.id) == ["a.txt", "b.txt"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_line_heard_is_only_of_the_moment(workshop: Workshop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Signal] = []
    monkeypatch.setattr(workshop.narrows.bus, "publish", heard.append)
    runs.hear(workshop.narrows, run.id, "y" * 600, run.change_id)
    assert [(signal.topic, signal.verb, signal.id, signal.event_id) for signal in heard] == [
        ("run", "heard", run.id, None)
    ]
    assert heard[0].data == {"line": "y" * 500, "change_id": run.change_id}


def test_what_is_at_work_is_listed_with_its_title(workshop: Workshop, run: Run) -> None:
    workshop.file("Waits")
    assert [(each.id, title) for each, title in runs.at_work(workshop.narrows)] == [(run.id, "Say it")]
    assert [each.id for each in runs.of_change(workshop.narrows, run.change_id)] == [run.id]


def test_a_run_that_never_was_is_not_found(narrows: Narrows) -> None:
    with pytest.raises(NotFound, match="There is no run 99"):
        runs.get(narrows, 99)
    with pytest.raises(NotFound, match="There is no run"):
        runs.get(narrows, 2**70)


def test_nothing_moves_without_its_event(workshop: Workshop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the event can't be written, the move isn't either; nor the other way round."""
    narrows = workshop.narrows
    workshop.write(run, SAID)
    workshop.take(run)
    workshop.end(run)
    before = events.last_id(narrows)

    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(events, "record", broken)
        with pytest.raises(OSError, match="full"):
            runs.decide(narrows, run.id)
    assert changes.get(narrows, run.change_id).state is ChangeState.WORKING

    with monkeypatch.context() as patch:
        patch.setattr(Change, "present", broken)
        with pytest.raises(OSError, match="full"):
            runs.decide(narrows, run.id)
    assert events.last_id(narrows) == before

    def stop_here() -> None:
        with narrows.transaction() as db:
            found = db.exec(select(Change)).one()
            found.present()
            events.record(db, Actor.ENGINE, "presented", found)
            raise OSError("the power went")

    published: list[Signal] = []
    with monkeypatch.context() as patch:
        patch.setattr(narrows.bus, "publish", published.append)
        with pytest.raises(OSError, match="power"):
            stop_here()
    assert (events.last_id(narrows), published) == (before, [])
    assert changes.get(narrows, run.change_id).state is ChangeState.WORKING
