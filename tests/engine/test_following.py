"""Landed lines are followed in the background when somebody looks, and never while nobody does."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from server.domain.errors import GitError
from server.engine import following
from server.engine.workplace import Workplace
from server.git import lifelines
from server.services import insights, survivals
from tests.engine.alongside import at_work
from tests.services.workshop import Workshop


async def followed(place: Workplace, project_id: int) -> None:
    """Until the lines were followed after somebody asked."""
    with place.narrows.bus.subscribe() as signals:
        survivals.ask(place.narrows, project_id)
        async with asyncio.timeout(20):
            async for signal in signals:
                if (signal.topic, signal.verb) == ("survival", "followed"):
                    return


def test_lines_are_followed_when_somebody_looks(place: Workplace, workshop: Workshop) -> None:
    workshop.land(workshop.change({"a.txt": "1\n2\n"}))
    at_work(following.work(place), lambda: followed(place, workshop.project.id))
    [one] = insights.facts(place.narrows).changes
    assert (one.lines_landed, one.lines_left) == (2, 2)


def test_what_fails_is_tried_when_somebody_looks_again(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workshop.land(workshop.change({"a.txt": "1\n"}))
    really, tries = lifelines.follow, iter((GitError("git blame failed."), ValueError("odd")))
    tried = threading.Semaphore(0)

    def once_more(*asked: object, **more: object) -> object:
        tried.release()
        if error := next(tries, None):
            raise error
        return really(*asked, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(lifelines, "follow", once_more)

    async def story() -> None:
        for _ in range(2):
            survivals.ask(place.narrows)
            await asyncio.to_thread(tried.acquire)
        await followed(place, workshop.project.id)

    with caplog.at_level(logging.WARNING):
        at_work(following.work(place), story)
    assert "could not be followed" in caplog.text
