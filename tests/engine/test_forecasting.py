"""Forecasts are made in the background: after each move, the user's own too, and never while nothing happens."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable

import pytest

from server.domain.change import Change
from server.domain.forecast import Prospect
from server.domain.project import Project
from server.engine import forecasting, watching
from server.engine.workplace import Workplace
from server.git import commands
from server.services import changes, events, forecasts
from server.services.narrows import Narrows
from tests.engine.alongside import at_work
from tests.services.workshop import Workshop
from tests.support.repositories import Repository
from tests.support.speed import here


def prospect(narrows: Narrows, change: Change) -> Prospect | None:
    outlook = forecasts.outlook(narrows, change.id)
    return outlook.prospect if outlook else None


async def until(narrows: Narrows, look: Callable[[], bool]) -> None:
    """Looks once now and after each thing that happens."""
    with narrows.bus.subscribe() as signals:
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(look):
                await signals.batch()


def test_what_waited_at_the_start_is_foreseen(place: Workplace, workshop: Workshop) -> None:
    change = workshop.change({"a.txt": "a\n"})

    async def story() -> None:
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)

    at_work(forecasting.work(place), story)


def test_a_new_revision_and_an_abandoned_change_are_heard_of(place: Workplace, workshop: Workshop) -> None:
    async def story() -> None:
        one = await asyncio.to_thread(workshop.change, {"notes.txt": "1\n"})
        await until(place.narrows, lambda: prospect(place.narrows, one) is Prospect.CLEAN)
        two = await asyncio.to_thread(workshop.change, {"notes.txt": "2\n"})
        await until(place.narrows, lambda: prospect(place.narrows, one) is Prospect.CROSSING)
        await asyncio.to_thread(changes.abandon, place.narrows, two.id)
        assert await asyncio.to_thread(prospect, place.narrows, one) is Prospect.CLEAN

    at_work(forecasting.work(place), story)


def test_the_persons_own_commit_is_heard_of(place: Workplace, workshop: Workshop, repository: Repository) -> None:
    change = workshop.change({"notes.txt": "1\n"})

    async def story() -> None:
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)
        await asyncio.to_thread(repository.commit, "by hand", {"notes.txt": "mine\n"})
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CONFLICTS)
        await asyncio.to_thread(repository.git, "reset", "-q", "--hard", "HEAD~1")
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)

    at_work(forecasting.work(place), story)


def test_of_a_burst_only_the_newest_counts(
    place: Workplace, workshop: Workshop, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is being made, whatever moves is one more step and not one for each move."""
    change = workshop.change({"notes.txt": "1\n"})
    before = events.last_id(place.narrows)
    began, may_end = threading.Event(), threading.Event()
    advance = forecasts.advance

    def held_up(narrows: Narrows, project_id: int) -> bool:
        more = advance(narrows, project_id)
        began.set()
        if not may_end.wait(20):
            raise AssertionError("nobody goes on")
        return more

    monkeypatch.setattr(forecasts, "advance", held_up)

    async def story() -> None:
        assert await asyncio.to_thread(began.wait, 20)
        for number in range(5):
            await asyncio.to_thread(repository.commit, f"number {number}", {"notes.txt": f"mine {number}\n"})
        may_end.set()
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CONFLICTS)

    at_work(forecasting.work(place), story)
    made = [each for each in events.since(place.narrows, before) if each.noun == "forecast"]
    assert len(made) == 2  # for the first target and for the last


def test_a_look_at_a_page_is_enough_where_nothing_can_be_watched(
    place: Workplace, workshop: Workshop, project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching.Watch, "keep", lambda *_: None)
    change = workshop.change({"notes.txt": "1\n"})

    async def story() -> None:
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)
        await asyncio.to_thread(repository.commit, "by hand", {"notes.txt": "mine\n"})
        forecasts.ask(place.narrows, project.id)
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CONFLICTS)

    at_work(forecasting.work(place), story)


def test_a_repository_that_is_gone_is_tried_again_when_somebody_looks(
    place: Workplace, workshop: Workshop, project: Project, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    change = workshop.change({"notes.txt": "1\n"})
    away = repository.path.with_name("away")
    repository.path.rename(away)
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        while not any("nothing is foreseen" in each for each in caplog.messages):
            await asyncio.sleep(0)
        away.rename(repository.path)
        forecasts.ask(place.narrows, project.id)
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)

    at_work(forecasting.work(place), story)


def test_a_mistake_ends_nothing(
    place: Workplace,
    workshop: Workshop,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change = workshop.change({"notes.txt": "1\n"})
    advance, failed = forecasts.advance, threading.Event()

    def fails_once(narrows: Narrows, project_id: int) -> bool:
        if failed.is_set():
            return advance(narrows, project_id)
        failed.set()
        raise RuntimeError("a mistake")

    monkeypatch.setattr(forecasts, "advance", fails_once)

    async def story() -> None:
        assert await asyncio.to_thread(failed.wait, 20)
        forecasts.ask(place.narrows, project.id)
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)

    at_work(forecasting.work(place), story)
    assert "nothing is foreseen for project" in caplog.text


def test_where_nobody_waits_no_git_runs(place: Workplace, project: Project, repository: Repository) -> None:
    before = commands.started()

    async def story() -> None:
        forecasts.ask(place.narrows, project.id)
        with place.narrows.bus.subscribe() as signals:
            await signals.batch(0)

    at_work(forecasting.work(place), story)
    assert commands.started() == before


def test_a_mirror_that_is_gone_says_so_in_the_log(
    place: Workplace, workshop: Workshop, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Its revisions are gone with it; the mirror itself comes back with the next fetch."""
    workshop.change({"notes.txt": "1\n"})
    shutil.rmtree(place.narrows.mirror(project.id))

    async def story() -> None:
        while not any("nothing is foreseen" in each for each in caplog.messages):
            await asyncio.sleep(0)

    at_work(forecasting.work(place), story)


@pytest.mark.alone
def test_a_commit_of_the_persons_own_is_foreseen_within_a_second(
    place: Workplace, workshop: Workshop, repository: Repository
) -> None:
    """With twenty changes waiting, that is 400 questions to git."""
    waiting = [workshop.change({"notes.txt" if number == 7 else f"{number}.txt": "1\n"}) for number in range(20)]
    took = 0.0

    async def story() -> None:
        nonlocal took
        await until(place.narrows, lambda: prospect(place.narrows, waiting[7]) is Prospect.CLEAN)
        await asyncio.to_thread(repository.commit, "by hand", {"notes.txt": "mine\n"})
        committed = time.monotonic()
        await until(place.narrows, lambda: prospect(place.narrows, waiting[7]) is Prospect.CONFLICTS)
        took = time.monotonic() - committed

    at_work(forecasting.work(place), story)
    assert took < here(1)


def test_a_database_that_is_busy_once_ends_nothing(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would end the whole engine, agents and all."""
    change = workshop.change({"a.txt": "a\n"})
    answer = forecasts.awaiting
    answers = iter([OSError("database is locked")])

    def busy_once(narrows: Narrows) -> list[Project]:
        for error in answers:
            raise error
        return answer(narrows)

    monkeypatch.setattr(forecasts, "awaiting", busy_once)

    async def story() -> None:
        await asyncio.to_thread(forecasts.ask, place.narrows, change.project_id)
        await until(place.narrows, lambda: prospect(place.narrows, change) is Prospect.CLEAN)

    at_work(forecasting.work(place), story)
    assert "nothing is foreseen" in caplog.text
