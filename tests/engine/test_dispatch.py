"""Work starts when it may, once, whoever admitted it; and a person's stop arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from server.bus import Signal
from server.domain.base import now
from server.domain.errors import Unavailable
from server.domain.project import Project
from server.domain.run import SILENT_AFTER, Executor, Run
from server.domain.states import ChangeState, RunState
from server.engine import checker, dispatch, processes
from server.engine.engine import Engine
from server.services import (
    admission,
    agents,
    changes,
    clocks,
    preferences,
    projects,
    revisions,
    runs,
    tasks,
    transcripts,
)
from server.services.narrows import Narrows
from server.store import queries
from tests.support.house import House, narrows_in
from tests.support.repositories import Repository

SAY = ["/bin/sh", "-c", 'echo once >> said.txt; echo "I said it."']
SLEEP = ["/bin/sh", "-c", "echo half > half.txt; echo begun; exec sleep 600"]


@pytest.fixture
def project(narrows: Narrows, repository: Repository) -> Project:
    agents.add(narrows, "sayer", "command", SAY)
    agents.add(narrows, "sleeper", "command", SLEEP)
    return projects.register(narrows, str(repository.path))


@pytest.fixture
def watcher(narrows: Narrows) -> Iterator[House]:
    """Waits for what happens; has no engine of its own."""
    house = House(narrows)
    yield house
    house.close()


@pytest.fixture
def engine(narrows: Narrows) -> Iterator[Engine]:
    engine = Engine(narrows)
    yield engine
    engine.stop()


def file(narrows: Narrows, project: Project, agent: str = "sayer") -> int:
    return tasks.file(narrows, project_id=project.id, title="Say it", agent=agent).id


def only_run(narrows: Narrows) -> Run:
    [change] = changes.every(narrows)
    return runs.of_change(narrows, change.id)[-1]


def test_what_was_filed_and_what_was_admitted_before_the_engine_started_starts_with_it(
    narrows: Narrows, project: Project, engine: Engine, watcher: House
) -> None:
    file(narrows, project)
    [admitted] = admission.admit(narrows, "local")  # and the server died before it began
    file(narrows, project)
    engine.start()
    for number in (1, 2):
        watcher.waits(tasks.get(narrows, number))
    run = runs.get(narrows, admitted.id)
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)


def test_the_runs_of_a_dead_worker_are_carried_out_here(
    narrows: Narrows, project: Project, engine: Engine, watcher: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "HEARTBEAT", 0.05)
    task = file(narrows, project)
    [run] = admission.admit(narrows, "dead")
    runs.begin(narrows, run.id, "dead")
    with narrows.database.writing() as db:
        db.add(Executor(id="dead", host="h", pid=1, heard_at=now() - SILENT_AFTER - timedelta(seconds=1)))
    engine.start()
    change = watcher.waits(tasks.get(narrows, task))
    run = runs.get(narrows, run.id)
    assert (run.state, run.executor, run.attempt) == (RunState.SUCCEEDED, "local", 2)
    assert revisions.whole_file(narrows, revisions.get(narrows, change.id, 1), "said.txt", old=False) == b"once\n"


def test_what_a_dead_worker_left_to_be_judged_is_judged_here(
    narrows: Narrows, project: Project, engine: Engine, watcher: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "HEARTBEAT", 0.05)
    task = file(narrows, project)
    [run] = admission.admit(narrows, "dead")
    runs.begin(narrows, run.id, "dead")
    runs.end(narrows, run.id, "dead", runs.Ending(RunState.SUCCEEDED, summary="Nothing to do."))
    with narrows.database.writing() as db:
        db.add(Executor(id="dead", host="h", pid=1, heard_at=now() - SILENT_AFTER - timedelta(seconds=1)))
    engine.start()
    change = watcher.waits(tasks.get(narrows, task), ChangeState.NEEDS_ATTENTION)
    assert "Nothing to do." in change.note
    assert runs.get(narrows, run.id).executor == "local"


def test_a_stop_and_a_start_go_on_with_what_was_running(
    narrows: Narrows, project: Project, engine: Engine, watcher: House
) -> None:
    engine.start()
    task = file(narrows, project, "sleeper")
    watcher.until(lambda: True if runs.at_work(narrows) and transcripts.tell(narrows, 1).text else None)
    engine.stop()
    run = only_run(narrows)
    assert run.state is RunState.RUNNING, "it is not over, only interrupted"
    assert not processes.held(narrows.run_folder(run.id)), "no agent is left"

    agents.add(narrows, "sleeper", "command", SAY)
    second = Engine(narrows)
    second.start()
    try:
        change = watcher.waits(tasks.get(narrows, task))
    finally:
        second.stop()
    assert runs.get(narrows, run.id).attempt == 2
    kept = revisions.outline(narrows, revisions.get(narrows, change.id, 1))
    assert [row.path for row in kept] == ["said.txt"], "it began again, on a clean tree"
    assert len(runs.of_change(narrows, change.id)) == 1


def test_a_task_starts_as_soon_as_enough_was_read(
    narrows: Narrows, project: Project, engine: Engine, watcher: House
) -> None:
    preferences.put(narrows, budget=5)
    engine.start()
    change = watcher.waits(tasks.get(narrows, file(narrows, project)))
    with narrows.transaction() as db:
        revision = queries.revision(db, change.id, 1)
        revision.minutes, revision.created_at = 6.0, now() - timedelta(hours=1)
        db.add(revision)
    second = file(narrows, project)
    watcher.until(lambda: tasks.standing(narrows, second).shown == "paused by budget" or None)
    clocks.tick(narrows, revision.id, 120)
    watcher.waits(tasks.get(narrows, second))


def test_signals_told_twice_start_nothing_twice(
    narrows: Narrows, project: Project, engine: Engine, watcher: House
) -> None:
    engine.start()
    task = file(narrows, project)
    for _ in range(20):
        for topic in ("task", "run", "landing"):
            narrows.bus.publish(Signal(topic, "filed", task, event_id=1))
    change = watcher.waits(tasks.get(narrows, task))
    assert revisions.whole_file(narrows, revisions.get(narrows, change.id, 1), "said.txt", old=False) == b"once\n"


def test_abandoning_a_change_ends_its_agent_and_frees_its_worktree(
    narrows: Narrows, project: Project, engine: Engine, watcher: House
) -> None:
    engine.start()
    file(narrows, project, "sleeper")
    watcher.until(lambda: True if runs.at_work(narrows) and transcripts.tell(narrows, 1).text else None)
    run = only_run(narrows)
    changes.abandon(narrows, run.change_id)
    watcher.until(lambda: True if runs.get(narrows, run.id).over else None)
    assert runs.get(narrows, run.id).state is RunState.STOPPED
    task = file(narrows, project)
    watcher.waits(tasks.get(narrows, task))
    assert changes.get(narrows, run.change_id).state is ChangeState.ABANDONED


def test_a_dispatch_that_fails_is_tried_again_by_the_next_signal(
    narrows: Narrows,
    project: Project,
    engine: Engine,
    watcher: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.start()
    failed = threading.Event()

    def broken(*_: object) -> list[Run]:
        failed.set()
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(admission, "admit", broken)
        first = file(narrows, project)
        assert failed.wait(20)
    second = file(narrows, project)
    for task in (first, second):
        watcher.waits(tasks.get(narrows, task))
    assert "dispatch failed" in caplog.text


@pytest.mark.parametrize("step", ["begin", "end", "decide"])
def test_a_mistake_in_any_step_ends_the_run_and_asks_the_person(
    narrows: Narrows,
    project: Project,
    engine: Engine,
    watcher: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    """A change is never left working with nobody at it."""
    engine.start()
    right = getattr(runs, step)
    calls = iter(range(1_000))

    def broken_once(*args: object, **named: object) -> object:
        if next(calls) == 0:
            raise RuntimeError("a mistake")
        return right(*args, **named)

    monkeypatch.setattr(runs, step, broken_once)
    task = file(narrows, project)

    def look() -> bool | None:
        found = watcher.change_of(tasks.get(narrows, task))
        return True if found and found.state in (ChangeState.NEEDS_ATTENTION, ChangeState.IN_REVIEW) else None

    watcher.until(look)
    assert "a mistake" in caplog.text
    assert runs.at_work(narrows) == []


def test_checks_that_cant_be_carried_out_leave_a_change_to_read(
    narrows: Narrows,
    project: Project,
    engine: Engine,
    watcher: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    projects.configure(narrows, project.id, checks=["true"])

    async def broken(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(checker, "check", broken)
    engine.start()
    watcher.waits(tasks.get(narrows, file(narrows, project)))
    assert "no more processes" in caplog.text


def test_an_engine_that_cant_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with narrows_in(tmp_path, engine_database_url=f"sqlite:///{tmp_path / 'folder.db'}") as narrows:
        engine = Engine(narrows)
        with pytest.raises(Unavailable, match="The engine could not start"):
            engine.start()
        engine.stop()


def test_a_worker_that_left_its_loop_is_not_waited_for(narrows: Narrows) -> None:
    engine = Engine(narrows)
    engine.start()
    engine.stop()
    engine.stop()
    assert asyncio.run(asyncio.sleep(0, True))
