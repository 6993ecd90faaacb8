"""Running the project's checks: by Narrows itself, on one tree, in order; the first red one ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from server.domain.change import Revision
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import CheckState
from server.engine import preparation
from server.engine.lines import Stopped, run_line
from server.engine.processes import CannotStart
from server.engine.workplace import Workplace
from server.services import checks


async def check(
    place: Workplace, project: Project, judged: Revision | Landing, tree: Path, stop: asyncio.Event | None = None
) -> list[Check]:
    """The checks of a revision, or of a landing's tree, with their results. Those with a result are not run again."""
    planned = await asyncio.to_thread(checks.plan, place.narrows, project, judged)
    done: list[Check] = []
    red = False
    for each in planned:
        if each.state in (CheckState.QUEUED, CheckState.RUNNING):
            if red or (stop and stop.is_set()):
                each = await asyncio.to_thread(checks.skip, place.narrows, each.id)
            else:
                each = await _carry_out(place, project, each, tree, stop)
        red = red or each.red
        done.append(each)
    return done


async def again(place: Workplace, project: Project, red: Check, tree: Path) -> Check:
    """The same check once more: a check that is red only sometimes is not the change's fault."""
    return await _carry_out(place, project, await asyncio.to_thread(checks.again, place.narrows, red.id), tree, None)


async def would_pass(place: Workplace, project: Project, command: str, tree: Path, folder: Path) -> bool:
    """Whether a command passes on a tree, without writing it down as anybody's check."""
    env = preparation.check_environment(project, tree, folder)
    end = await run_line(command, project=project, tree=tree, env=env, folder=folder, log=folder / "output.log")
    await place.unless_stopping()
    return end.code == 0


async def _carry_out(place: Workplace, project: Project, each: Check, tree: Path, stop: asyncio.Event | None) -> Check:
    each, log = await asyncio.to_thread(checks.start, place.narrows, each.id)
    folder = log.with_suffix("")
    env = preparation.check_environment(project, tree, folder)
    try:
        end = await run_line(each.command, project=project, tree=tree, env=env, folder=folder, log=log, stop=stop)
    except Stopped:
        await place.unless_stopping()
        return await asyncio.to_thread(checks.skip, place.narrows, each.id)
    except CannotStart:
        await place.unless_stopping()
        return await asyncio.to_thread(checks.end, place.narrows, each.id, CheckState.ERRORED)
    await place.unless_stopping()
    state = CheckState.PASSED if end.code == 0 else CheckState.FAILED
    return await asyncio.to_thread(checks.end, place.narrows, each.id, state, end.code, end.seconds)
