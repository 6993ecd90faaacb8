"""Drafting a refactoring after every so many landed changes: behind the landing, which never waits for it."""

from __future__ import annotations

import asyncio
import logging

from server.domain.errors import NarrowsError
from server.engine.rendering import IDLE, Helper
from server.engine.workplace import Workplace
from server.services import cadence

LONGEST = 120.0  # seconds for looking through a project: what takes longer is looked at after its next landing
log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Draft what is due, and look again after each landing, until cancelled."""
    helper = Helper(place, "survey")
    try:
        with place.narrows.bus.subscribe("landing") as signals:
            for project_id in await asyncio.to_thread(cadence.every_due, place.narrows):
                await _draft(place, helper, project_id)
            while (batch := await signals.batch(IDLE if helper.runs else None)) is not None:
                if not batch:
                    await helper.stop()
                landed = [one.data for one in batch if (one.topic, one.verb) == ("landing", "landed")]
                for project_id in dict.fromkeys(data["project_id"] for data in landed):
                    await _draft(place, helper, project_id)
    finally:
        await helper.stop()


async def _draft(place: Workplace, helper: Helper, project_id: int) -> None:
    """Whatever goes wrong here, what has landed has landed; the next landing looks again."""
    try:
        stretch = await asyncio.to_thread(cadence.due, place.narrows, project_id)
        if stretch is None:
            return
        if not await asyncio.to_thread(cadence.is_surveyed, place.narrows, stretch):
            async with asyncio.timeout(LONGEST):
                await helper.order(project_id)
        await asyncio.to_thread(cadence.draft, place.narrows, project_id)
    except TimeoutError:
        log.warning("project %s takes too long to look through", project_id)
        await helper.stop()
    except NarrowsError as error:
        log.warning("no refactoring was drafted for project %s: %s", project_id, error)
    except Exception:
        log.exception("no refactoring was drafted for project %s", project_id)
