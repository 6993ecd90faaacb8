"""Starting work when it may start: woken by what happens, never by a clock, but for the heartbeat."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Callable, Iterable

from dbos import DBOS, SetWorkflowID

from server.bus import Signal
from server.domain.landing import Landing
from server.engine import lander, turn
from server.engine.workplace import Workplace
from server.services import admission, landings, pauses, runs

UNDER_WAY = ("PENDING", "ENQUEUED")
HEARTBEAT = 10.0  # seconds; a worker is taken for dead after three of them
log = logging.getLogger(__name__)


async def work(place: Workplace, ready: Callable[[], None]) -> None:
    """Dispatch until cancelled. `ready` is called once what was left over is under way."""
    with place.narrows.bus.subscribe() as signals:
        await _beat(place)
        await _resume(place)
        await _start_what_may(place)
        ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep_beating(place))
            while (batch := await signals.batch()) is not None:
                try:
                    await _answer(place, batch)
                except Exception:  # the next signal tries again; the engine goes on
                    log.exception("dispatch failed")


async def _answer(place: Workplace, batch: Iterable[Signal]) -> None:
    stored = [signal for signal in batch if signal.event_id is not None]
    for signal in stored:
        if (signal.topic, signal.verb) == ("run", "stop_asked"):
            place.stop_of(signal.id).set()
        if signal.topic == "question" and (answered := place.answers.get(signal.id)):
            answered.set()
    if stored:
        await _start_what_may(place)


async def _start_what_may(place: Workplace) -> None:
    for run in await asyncio.to_thread(admission.admit, place.narrows, place.executor):
        await _begin(run.ticket, turn.turn, run.id)
    for landing in await asyncio.to_thread(landings.claim, place.narrows, place.executor):
        await _begin_landing(landing)


async def _resume(place: Workplace) -> None:
    """Go on with what is this worker's and not over: never begun, broken off, or taken over. What runs, runs on."""
    for run in await asyncio.to_thread(runs.mine, place.narrows, place.executor):
        await _begin(run.ticket, turn.turn, run.id)
    for landing in await asyncio.to_thread(landings.mine, place.narrows, place.executor):
        await _begin_landing(landing)


async def _begin_landing(landing: Landing) -> None:
    await _begin(landing.ticket, lander.undo if landing.undo_asked else lander.land, landing.id)


async def _begin(ticket: str, workflow: turn.Workflow, key: int) -> None:
    """Start a workflow, unless one of the same ticket is under way."""
    with SetWorkflowID(await _not_over(ticket)):
        await DBOS.start_workflow_async(workflow, key)


async def _not_over(ticket: str) -> str:
    """The ticket, or the first of its successors under which nothing has ended.

    What has ended there without doing its work was broken off by an error (a full disk, a step that another version
    did not have), and our own tables say that the work is still to be done.
    """
    name = ticket
    for number in itertools.count(2):
        status = await DBOS.get_workflow_status_async(name)
        if status is None or status.status in UNDER_WAY:
            break
        name = f"{ticket}-again-{number}"
    return name


async def _keep_beating(place: Workplace) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        try:
            await _beat(place)
            await asyncio.to_thread(runs.take_over, place.narrows, place.executor)
            await asyncio.to_thread(pauses.lift, place.narrows)
            await asyncio.to_thread(landings.take_over, place.narrows, place.executor)
            await _resume(place)
        except Exception:
            log.exception("no heartbeat")


async def _beat(place: Workplace) -> None:
    await asyncio.to_thread(runs.heartbeat, place.narrows, place.executor, socket.gethostname(), os.getpid())
