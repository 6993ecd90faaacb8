"""Looking at each new revision in the background, in a process of its own where that takes long or a grammar."""

from __future__ import annotations

import asyncio
import logging

from server.domain.errors import NarrowsError
from server.engine.rendering import IDLE, Helper
from server.engine.workplace import Workplace
from server.services import examinations

log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Look at what was not looked at yet, and at each new revision, until cancelled."""
    helper = Helper(place, "examine")
    try:
        with place.narrows.bus.subscribe("revision") as signals:
            for change_id in await asyncio.to_thread(examinations.due, place.narrows):
                await _examine(place, helper, change_id)
            while (batch := await signals.batch(IDLE if helper.runs else None)) is not None:
                if not batch:
                    await helper.stop()
                revised = [one.data for one in batch if (one.topic, one.verb) == ("revision", "revised")]
                for change_id in dict.fromkeys(data["change_id"] for data in revised):
                    await _examine(place, helper, change_id)
    finally:
        await helper.stop()


async def _examine(place: Workplace, helper: Helper, change_id: int) -> None:
    """Whatever goes wrong here, the change can be read all the same."""
    try:
        if await asyncio.to_thread(examinations.is_light, place.narrows, change_id):
            seen = await asyncio.to_thread(examinations.examine, place.narrows, change_id)
        else:
            seen = await helper.order(change_id)
        if seen:
            await asyncio.to_thread(examinations.tell, place.narrows, change_id)
    except NarrowsError as error:
        log.warning("change %s could not be looked at: %s", change_id, error)
    except Exception:
        log.exception("change %s could not be looked at", change_id)
