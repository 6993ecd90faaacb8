"""Starting work when it may start: woken by what happens, never by a clock, but for the heartbeat."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable

from dbos import DBOS, SetWorkflowID

from server.bus import Signal
from server.domain.landing import Landing
from server.engine import lander, turn
from server.engine.workplace import Workplace
from server.services import admission, landings, runs

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
    if stored:
        await _start_what_may(place)


async def _start_what_may(place: Workplace) -> None:
    for run in await asyncio.to_thread(admission.admit, place.narrows, place.executor):
        await _begin(run.ticket, turn.turn, run.id)
    for landing in await asyncio.to_thread(landings.claim, place.narrows, place.executor):
        await _begin_landing(landing)


async def _resume(place: Workplace) -> None:
    """Start what was admitted by this worker and never begun; what DBOS knows already, it goes on with by itself."""
    for run in await asyncio.to_thread(runs.mine, place.narrows, place.executor):
        await _begin(run.ticket, turn.turn, run.id)
    for landing in await asyncio.to_thread(landings.mine, place.narrows, place.executor):
        await _begin_landing(landing)


async def _begin_landing(landing: Landing) -> None:
    await _begin(landing.ticket, lander.undo if landing.undo_asked else lander.land, landing.id)


async def _begin(ticket: str, workflow: turn.Workflow, key: int) -> None:
    """Start a workflow; one of the same ticket that was started before is not started twice."""
    with SetWorkflowID(ticket):
        await DBOS.start_workflow_async(workflow, key)


async def _keep_beating(place: Workplace) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        try:
            await _beat(place)
            await asyncio.to_thread(runs.take_over, place.narrows, place.executor)
            await asyncio.to_thread(landings.take_over, place.narrows, place.executor)
        except Exception:
            log.exception("no heartbeat")


async def _beat(place: Workplace) -> None:
    await asyncio.to_thread(runs.heartbeat, place.narrows, place.executor, socket.gethostname(), os.getpid())
