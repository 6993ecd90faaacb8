"""Starting work when it may start: woken by what happens, never by a clock, but for the heartbeat."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Callable, Sequence

from dbos import DBOS, SetWorkflowID

from server.bus import Signal
from server.domain.landing import Landing
from server.engine import by_hand, cleaning, lander, turn
from server.engine.workplace import Workflow, Workplace
from server.services import admission, checks, landings, pauses, room, runs

UNDER_WAY = ("PENDING", "ENQUEUED")
NOT_READ = {("change", "sent_back"), ("change", "abandoned")}  # nobody waits for the checks of what a person made
READ = ("clock", "ticked")  # what was read makes room in the budget
BEGUN = ("landing", "started")  # by the dispatch itself: nothing else can start because of it
UNJUDGED = {  # there may be checks that no run looks after, or not any more
    ("revision", "revised"),
    ("check", "asked_again"),
    ("change", "presented"),
}
HEARTBEAT = 10.0  # seconds; a worker is taken for dead after three of them
log = logging.getLogger(__name__)


async def work(place: Workplace, ready: Callable[[], None]) -> None:
    """Dispatch until cancelled. `ready` is called once what was left over is under way."""
    with place.narrows.bus.subscribe() as signals:
        await _beat(place)
        await _resume(place)
        await _check_by_hand(place)
        await _start_what_may(place)
        ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep_beating(place))
            while (batch := await signals.batch()) is not None:
                try:
                    await _answer(place, batch)
                except Exception:  # the next signal or heartbeat tries again; the engine goes on
                    place.held_up = True
                    log.exception("dispatch failed")


async def _answer(place: Workplace, batch: Sequence[Signal]) -> None:
    stored = [signal for signal in batch if signal.event_id is not None and (signal.topic, signal.verb) != BEGUN]
    unjudged = False
    for signal in stored:
        if (signal.topic, signal.verb) == ("run", "stop_asked"):
            place.stop_of(signal.id).set()
        if signal.topic == "question" and (answered := place.answers.get(signal.id)):
            answered.set()
        if (signal.topic, signal.verb) in NOT_READ:
            place.end_readings(signal.data["change_id"], newest=None)
        if (signal.topic, signal.verb) == ("revision", "revised"):
            place.end_readings(signal.data["change_id"], newest=signal.id)
        unjudged = unjudged or (signal.topic, signal.verb) in UNJUDGED
    if unjudged:
        await _check_by_hand(place)
    if stored or any((signal.topic, signal.verb) == READ for signal in batch):
        await _start_what_may(place)


async def _start_what_may(place: Workplace) -> None:
    """Nothing, while the disk is nearly full: each heartbeat asks again then, and after a failure."""
    place.held_up = True
    if await asyncio.to_thread(room.shortage, place.narrows):
        return
    for landing in await asyncio.to_thread(landings.claim, place.narrows, place.executor):
        await _begin_landing(place, landing)  # first: a person waits for it
    for run in await asyncio.to_thread(admission.admit, place.narrows, place.executor):
        await _begin(place, run.ticket, turn.turn, run.id)
    place.held_up = False


async def _check_by_hand(place: Workplace) -> None:
    """Start the checks of what a person made, each once, however often it is asked for."""
    for revision in await asyncio.to_thread(checks.unjudged, place.narrows):
        await _begin(place, f"by-hand-{revision.id}", by_hand.check, revision.id)


async def _resume(place: Workplace) -> None:
    """Go on with what is this worker's and not over: never begun, broken off, or taken over. What runs, runs on."""
    for run in await asyncio.to_thread(runs.mine, place.narrows, place.executor):
        await _begin(place, run.ticket, turn.turn, run.id)
    for landing in await asyncio.to_thread(landings.mine, place.narrows, place.executor):
        await _begin_landing(place, landing)


async def _begin_landing(place: Workplace, landing: Landing) -> None:
    await _begin(place, landing.ticket, lander.undo if landing.undo_asked else lander.land, landing.id)


async def _begin(place: Workplace, ticket: str, workflow: Workflow, key: int) -> None:
    """Start a workflow, unless one of the same ticket is under way."""
    with SetWorkflowID(await _not_over(place, ticket)):
        await DBOS.start_workflow_async(workflow, key)


async def _not_over(place: Workplace, ticket: str) -> str:
    """The ticket, or the first of its successors under which nothing has ended.

    What has ended there without doing its work was broken off by an error (a full disk, a step that another version
    did not have), and our own tables say that the work is still to be done.
    """
    name = ticket
    for number in itertools.count(2):
        status = await DBOS.get_workflow_status_async(name)
        if status is None or (status.status in UNDER_WAY and name not in place.broken_off):
            break
        if status.status in UNDER_WAY:
            await DBOS.cancel_workflow_async(name)  # or the next start would go on with it beside its successor
            place.broken_off.discard(name)
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
            if place.held_up:
                await _check_by_hand(place)
                await _start_what_may(place)
            await cleaning.keep_house(place)
        except Exception:
            log.exception("no heartbeat")


async def _beat(place: Workplace) -> None:
    await asyncio.to_thread(runs.heartbeat, place.narrows, place.executor, socket.gethostname(), os.getpid())
