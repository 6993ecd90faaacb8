"""A refactoring is drafted behind the landing, by a process of its own."""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.engine import cadence as drafting
from server.engine.rendering import Helper
from server.engine.workplace import Workplace
from server.services import cadence, projects
from tests.engine.alongside import at_work
from tests.services.workshop import Workshop

TANGLE = "def parse(text):\n" + "".join(f"    if text == {n}:\n        return {n}\n" for n in range(30))


@pytest.fixture(autouse=True)
def _often(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, refactor_every=1)


def land(workshop: Workshop) -> None:
    workshop.land(workshop.change({"tangle.py": TANGLE}))


async def drafted(place: Workplace, workshop: Workshop) -> None:
    """It lands, and what is drafted then is."""
    with place.narrows.bus.subscribe() as signals:
        await asyncio.to_thread(land, workshop)
        async with asyncio.timeout(60):
            async for signal in signals:
                if (signal.topic, signal.verb) == ("landing", "drafted"):
                    break


def test_it_is_drafted_behind_the_landing(place: Workplace, workshop: Workshop) -> None:
    at_work(drafting.work(place), lambda: drafted(place, workshop))
    [draft] = cadence.waiting(place.narrows)
    assert "`parse`: complexity new → 31" in draft.fields["brief"]


def test_what_was_due_when_the_engine_stopped_is_drafted_at_its_start(place: Workplace, workshop: Workshop) -> None:
    land(workshop)

    async def story() -> None:
        with place.narrows.bus.subscribe() as signals:
            async with asyncio.timeout(60):
                while not cadence.waiting(place.narrows):
                    await signals.batch()

    at_work(drafting.work(place), story)


def test_a_landing_has_landed_whatever_becomes_of_the_draft(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    land(workshop)
    helper = Helper(place, "survey")

    async def story() -> None:
        for error in (OSError("the disk is on fire"), TimeoutError()):
            monkeypatch.setattr(helper, "order", lambda _, error=error: _raise(error))
            await drafting._draft(place, helper, workshop.project.id)

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert "no refactoring was drafted for project 1" in caplog.text
    assert "project 1 takes too long to look through" in caplog.text
    assert cadence.waiting(place.narrows) == []


def test_what_was_looked_through_is_not_looked_through_again(place: Workplace, workshop: Workshop) -> None:
    workshop.land(workshop.change({"notes.txt": "x\n"}))
    stretch = cadence.due(place.narrows, workshop.project.id)
    assert stretch is not None
    assert not cadence.is_surveyed(place.narrows, stretch)
    cadence.survey(place.narrows, workshop.project.id)
    assert cadence.is_surveyed(place.narrows, stretch)
    helper = Helper(place, "survey")
    asyncio.run(drafting._draft(place, helper, workshop.project.id))
    assert not helper.runs


async def _raise(error: Exception) -> None:
    raise error
