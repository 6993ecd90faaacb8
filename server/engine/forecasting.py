"""Foreseeing in the background, whenever something moves that a forecast was made from: never by a clock."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Collection
from pathlib import Path

from server.bus import Signal
from server.domain.errors import NarrowsError
from server.engine.watching import Watch
from server.engine.workplace import Workplace
from server.services import forecasts

CONCERNS = ("project", "revision", "change")
MOVES = ("landed", "undone")  # of a landing: before that, it changes nothing that a forecast is made from
log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Keep the forecasts of every project that has waiting changes true, until cancelled.

    One step at a time, and each looks at the target anew: of a burst of moves only the newest one counts, and nothing
    goes on for a target that is no more.
    """
    narrows = place.narrows
    with (
        narrows.bus.subscribe(*CONCERNS, "landing", "forecast") as signals,
        Watch(functools.partial(forecasts.ask, narrows)) as watch,
    ):
        due = dict.fromkeys(await _awaiting(place, watch))
        while (batch := await signals.batch(0 if due else None)) is not None:
            if concerned := _concerned(batch):
                due |= dict.fromkeys(concerned & set(await _awaiting(place, watch)))
            if due:
                project_id = next(iter(due))
                if not await _advance(place, project_id):
                    del due[project_id]


def _concerned(batch: Collection[Signal]) -> set[int]:
    """The projects that something moved in, or that somebody looks at."""
    asked = {signal.id for signal in batch if signal.topic == "forecast" and signal.event_id is None}
    moved = [signal.data for signal in batch if _moves(signal) and signal.event_id is not None]
    return asked | {int(data["project_id"]) for data in moved if data.get("project_id")}


def _moves(signal: Signal) -> bool:
    return signal.topic in CONCERNS or (signal.topic == "landing" and signal.verb in MOVES)


async def _awaiting(place: Workplace, watch: Watch) -> list[int]:
    """The projects in which somebody waits for a forecast: these are watched, and no others."""
    try:
        projects = await asyncio.to_thread(forecasts.awaiting, place.narrows)
        await asyncio.to_thread(watch.keep, {project.id: Path(project.path) for project in projects})
    except Exception:  # the next signal asks again; the engine goes on
        log.exception("nothing is foreseen")
        return []
    return [project.id for project in projects]


async def _advance(place: Workplace, project_id: int) -> bool:
    """Whether there is more to do. What can't be foreseen now is tried again when something moves or somebody looks."""
    try:
        return await asyncio.to_thread(forecasts.advance, place.narrows, project_id)
    except NarrowsError as error:
        log.warning("nothing is foreseen for project %s: %s", project_id, error)
    except Exception:
        log.exception("nothing is foreseen for project %s", project_id)
    return False
