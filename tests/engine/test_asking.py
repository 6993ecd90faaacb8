"""Waiting for an answer: who waits is not quiet, and an answer is found however early it comes."""

from __future__ import annotations

import asyncio

import pytest

from server.agents.protocol import Unanswered, Wish
from server.domain.run import Run
from server.engine import listening
from server.engine.asking import asker
from server.engine.listening import Listener
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.services import projects, questions, runs
from tests.services.workshop import Workshop

WISH = Wish("execute", "Run make", "make")


@pytest.fixture
def run(workshop: Workshop) -> Run:
    workshop.file()
    [run] = workshop.admit()
    return run


async def asked(place: Workplace, run: Run) -> tuple[asyncio.Future[bool], int]:
    """A wish, and the number of its question once the run waits for it."""
    with place.narrows.bus.subscribe() as signals:
        waiting = asyncio.ensure_future(asker(place, run)(WISH))
        while not (found := [one for one in await signals.batch() or [] if one.topic == "question"]):
            pass
        return waiting, found[0].id


def test_an_answer_that_comes_before_anybody_listens_is_found(place: Workplace, run: Run) -> None:
    async def story() -> bool:
        waiting, number = await asked(place, run)
        questions.answer(place.narrows, number, allowed=True)  # before the loop gets on: nobody listens for it yet
        place.answer_to(number).set()
        return await waiting

    assert asyncio.run(asyncio.wait_for(story(), 20)) is True
    assert place.answers == {}


def test_no_answer_in_time_is_no_answer(place: Workplace, run: Run, workshop: Workshop) -> None:
    projects.configure(place.narrows, workshop.project.id, ask_minutes=0)
    with pytest.raises(Unanswered, match="may it run `make`"):
        asyncio.run(asyncio.wait_for(asked_and_waited(place, run), 20))


async def asked_and_waited(place: Workplace, run: Run) -> bool:
    return await asker(place, run)(WISH)


def test_an_agent_that_waits_for_a_person_is_not_quiet(
    place: Workplace, run: Run, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "QUIET_AFTER", 0.05)
    folder = runs.folder(place.narrows, run.id)
    room = Room(workshop.project, workshop.tree(run), folder, "", {}, "", None, None, "")

    async def story() -> None:
        waiting, number = await asked(place, run)
        with place.narrows.bus.subscribe() as signals, Listener(place, run, room):
            looked = asyncio.get_running_loop().time() + 0.2  # four times as long as would have been quiet
            while (left := looked - asyncio.get_running_loop().time()) > 0:
                assert all(one.verb != "fell_quiet" for one in await signals.batch(timeout=left) or [])
            questions.answer(place.narrows, number, allowed=False)
            place.answer_to(number).set()
            assert await waiting is False
            while all(one.verb != "fell_quiet" for one in await signals.batch() or []):
                pass

    asyncio.run(asyncio.wait_for(story(), 20))
    assert runs.get(place.narrows, run.id).quiet_since is not None
