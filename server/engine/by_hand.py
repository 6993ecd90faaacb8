"""The checks of what a person made: in the background, as a durable workflow."""

from __future__ import annotations

import asyncio

from dbos import DBOS

from server.engine import checker
from server.engine.trouble import explain
from server.engine.workplace import noted, workplace
from server.git import mirrors
from server.services import checks, revisions


@DBOS.workflow(name="check_by_hand")
@noted
async def check(revision_id: int) -> None:
    """Carry the revision's checks out. Nothing is decided: it is on the desk already."""
    await judge(revision_id)


@DBOS.step(name="judge_by_hand")
async def judge(revision_id: int) -> None:
    """Run the project's checks on the revision, unless nobody reads it any more."""
    place = workplace()
    revision, project = await asyncio.to_thread(revisions.whole, place.narrows, revision_id)
    if await asyncio.to_thread(mirrors.resolve, place.narrows.mirror(project.id), revision.commit) is None:
        return  # it was made on another machine, whose own worker checks it
    reading = (revision.change_id, revision.id)
    stop = place.readings.setdefault(reading, asyncio.Event())
    try:
        if await asyncio.to_thread(revisions.is_read, place.narrows, revision.id):
            await checker.judge(place, project, revision, stop)
        else:
            await asyncio.to_thread(checks.call_off, place.narrows, revision.id)
    except Exception as error:
        why = explain(error, f"the checks of revision {revision_id}")
        await asyncio.to_thread(checks.fall_over, place.narrows, revision_id, why)
    finally:
        place.readings.pop(reading, None)
