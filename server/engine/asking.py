"""Putting an agent's wish to the person, and waiting for the answer while the run has its place."""

from __future__ import annotations

import asyncio

from server.agents.protocol import Ask, Unanswered, Wish
from server.domain.base import now
from server.domain.question import Question
from server.domain.run import Run
from server.domain.states import QuestionState
from server.engine.workplace import Workplace
from server.services import questions, runs


def asker(place: Workplace, run: Run) -> Ask:
    """What answers the wishes of a run's agent: an answer that was given before, or the person's.

    Its answer is no where nobody can be asked any more, because the run is to end.
    """

    async def ask(wish: Wish) -> bool:
        words = {"tool": wish.tool, "title": wish.title, "detail": wish.detail}
        known = await asyncio.to_thread(questions.granted, place.narrows, run.id, **words)
        if known is not None:
            return known
        asked = await asyncio.to_thread(questions.ask, place.narrows, run.id, place.executor, **words)
        return asked is not None and await _answer(place, asked)

    return ask


async def _answer(place: Workplace, asked: Question) -> bool:
    """The answer to a question.

    Raises:
        Unanswered: None came while the run may wait.
    """
    told = place.answer_to(asked.id)
    place.asking[asked.run_id] += 1
    try:
        async with asyncio.timeout((asked.waits_until - now()).total_seconds()):
            # Looked at again before the first wait: the answer may have come before anybody listened for it.
            while (found := await _look(place, asked.id)).state is QuestionState.OPEN:
                await told.wait()
                told.clear()
    except TimeoutError:
        await asyncio.to_thread(questions.outlast, place.narrows, asked.run_id)
        found = await _look(place, asked.id)  # an answer may have come in the last moment
    finally:
        place.answers.pop(asked.id, None)
        place.asking[asked.run_id] -= 1
    if found.state is QuestionState.WAITING:
        raise Unanswered(questions.sentence(found))
    if found.state is QuestionState.WITHDRAWN and await asyncio.to_thread(
        runs.holds, place.narrows, asked.run_id, place.executor
    ):
        # It is being stopped: told no before that, it could end its turn as if nothing had been the matter.
        await place.stop_of(asked.run_id).wait()
    return found.state is QuestionState.ALLOWED


async def _look(place: Workplace, question_id: int) -> Question:
    return await asyncio.to_thread(questions.get, place.narrows, question_id)
