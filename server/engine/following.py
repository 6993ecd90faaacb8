"""Following landed lines in the background, when somebody opens the insights: never by a clock."""

from __future__ import annotations

import asyncio
import logging

from server.domain.errors import NarrowsError
from server.engine.workplace import Workplace
from server.services import survivals

log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Follow the lines of each project that is asked for, one at a time, until cancelled."""
    with place.narrows.bus.subscribe("survival") as signals:
        while (batch := await signals.batch()) is not None:
            asked = [signal.id for signal in batch if (signal.topic, signal.verb) == ("survival", "asked")]
            for project_id in dict.fromkeys(asked):
                await _follow(place, project_id)


async def _follow(place: Workplace, project_id: int) -> None:
    """What can't be followed now is tried when somebody looks again."""
    try:
        await asyncio.to_thread(survivals.follow, place.narrows, project_id)
    except NarrowsError as error:
        log.warning("the lines of project %s could not be followed: %s", project_id, error)
    except Exception:
        log.exception("the lines of project %s could not be followed", project_id)
