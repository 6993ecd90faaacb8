"""Running the project's checks: by Narrows itself, on one clean tree, in order; the first red one ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import NarrowsError
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import CheckState
from server.engine import preparation
from server.engine.clean_trees import clean_tree, held, judging, still_at
from server.engine.lines import Stopped, run_line
from server.engine.preparation import SetupFailed
from server.engine.processes import CannotStart
from server.engine.workplace import Workplace
from server.git import places
from server.services import checks, coverage

Intact = Callable[[], Awaitable[bool]]
log = logging.getLogger(__name__)


class Tampered(NarrowsError):
    """A check changed the files that it was checking."""

    def __init__(self) -> None:
        super().__init__(
            "The checks changed the files that they were checking, so they prove nothing.", "Mend the check commands."
        )


async def judge(place: Workplace, project: Project, revision: Revision, stop: asyncio.Event) -> None:
    """Carry out a revision's checks, whoever made it: in a clean tree, and only those whose verdict on these files is
    not known yet. A setup that fails there is written down as the first one's error.

    Args:
        stop: Once it is set, those without a result have none.

    Raises:
        NarrowsError: There is no tree to run them in; nothing is written down.
    """
    try:
        async with held(place.judges, stop), judging(place, project, revision.tree, stop):
            planned = await asyncio.to_thread(checks.plan, place.narrows, project, revision)
            if any(each.state in checks.NOT_OVER for each in planned):
                async with clean_tree(place, project, revision.commit, stop) as tree:
                    intact = still_at(place, project, tree, revision.commit)
                    before = await asyncio.to_thread(coverage.standing, tree)
                    await check(place, project, revision, tree, stop, intact=intact)
                    if not stop.is_set():
                        await _cover(place, revision, tree, before)
    except (Stopped, Tampered):
        await asyncio.to_thread(checks.call_off, place.narrows, revision.id)
    except SetupFailed as failure:
        await asyncio.to_thread(checks.fall_over, place.narrows, revision.id, str(failure))


async def _cover(place: Workplace, revision: Revision, tree: Path, before: Mapping[str, coverage.Stamp]) -> None:
    """What the checks wrote about lines that ran is kept; whatever is wrong with it, they have their results."""
    try:
        await asyncio.to_thread(coverage.take, place.narrows, revision, tree, before)
    except Exception:
        log.exception("what the checks of revision %s ran could not be read", revision.id)


async def check(
    place: Workplace,
    project: Project,
    judged: Revision | Landing,
    tree: Path,
    stop: asyncio.Event | None = None,
    *,
    of: str | None = None,
    commands: Collection[str] | None = None,
    despite: Collection[str] = (),
    tries: int = 1,
    intact: Intact | None = None,
) -> list[Check]:
    """The checks of a revision, or of one of a landing's trees, with their results. Those with a result are not run
    again, but for a red one that was not tried so often yet.

    Args:
        tree: The folder; what stands there is the tree `of`, by default what is judged.
        commands: Only these of the project's.
        despite: Commands that may be red: they end nothing.
        intact: Says after each green one whether the files are still what is judged, before that is written down.

    Raises:
        Tampered: They are not, so its result does not count.
    """
    planned = await asyncio.to_thread(checks.plan, place.narrows, project, judged, of, commands)
    done: list[Check] = []
    red = False
    for each in planned:
        if each.state in checks.NOT_OVER:
            if red or (stop and stop.is_set()):
                each = await asyncio.to_thread(checks.skip, place.narrows, each.id)
            else:
                each = await _carry_out(place, project, each, tree, stop, intact)
        if each.red and not await asyncio.to_thread(
            checks.settled, place.narrows, project, each.tree, [each.command], tries
        ):
            fresh = await asyncio.to_thread(checks.again, place.narrows, each.id)
            each = await _carry_out(place, project, fresh, tree, stop, intact)
        red = red or (each.red and each.command not in despite)
        done.append(each)
    return done


async def _carry_out(
    place: Workplace, project: Project, each: Check, tree: Path, stop: asyncio.Event | None, intact: Intact | None
) -> Check:
    each, log = await asyncio.to_thread(checks.start, place.narrows, each.id)
    folder = log.with_suffix("")
    env = await asyncio.to_thread(preparation.check_environment, project, tree, folder)
    end = None
    try:
        end = await run_line(each.command, project=project, tree=tree, env=env, folder=folder, log=log, stop=stop)
        state = CheckState.PASSED if end.code == 0 else CheckState.FAILED
    except Stopped:
        state = CheckState.SKIPPED
    except CannotStart:
        state = CheckState.ERRORED
    await asyncio.to_thread(places.erase, Path(env["TMPDIR"]))
    counts = state is not CheckState.PASSED or intact is None or await intact()
    code, seconds = (end.code, end.seconds) if end else (None, None)
    ended = await asyncio.to_thread(checks.end, place.narrows, each.id, state, code, seconds, counts=counts)
    if not counts:
        raise Tampered
    return ended
