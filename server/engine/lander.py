"""Landing and undoing, as durable workflows: prove, move, and again where what it stands on does not land, or somebody
else moved the target first.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Literal, ParamSpec, TypeVar

from dbos import DBOS

from server.bus import Signal, Subscription
from server.domain.check import Check
from server.domain.errors import NarrowsError
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import LandingState
from server.engine import checker
from server.engine.clean_trees import clean_tree, judging, still_at
from server.engine.lines import Stopped, call_off
from server.engine.trouble import explain
from server.engine.watching import gone
from server.engine.workplace import Workplace, noted, workplace
from server.git import objects
from server.git.moves import LockedByGit
from server.services import assessments, checks, landings, line, undos
from server.services.line import Stand

P = ParamSpec("P")
T = TypeVar("T")
LOCKED = 10.0  # seconds that another git may be at work in the repository
TWICE = 2  # how often a red check is tried: one that is red only sometimes is not the change's fault


@DBOS.workflow(name="land")
@noted
async def land(landing_id: int) -> None:
    """Carry a claimed landing out: it is landed at the end, or failed with a reason and nothing moved."""
    while await prove(landing_id):
        moved = await move(landing_id)
        if moved == "over" or (moved == "lost_race" and not await rebuild(landing_id)):
            return


@DBOS.step(name="prove")
async def prove(landing_id: int) -> bool:
    """Whether there is something to move: the checks pass on exactly what is to land, or it does not stand any more and
    `move` says so. A failure is written down, once what it stands on has landed: until then the fault may be there.
    """
    place = workplace()
    landing, project, _ = await asyncio.to_thread(landings.whole, place.narrows, landing_id)
    if landing.state is not LandingState.RUNNING or landing.executor != place.executor:
        return False
    async with _unless_fallen(place, landing_id) as stop:
        try:
            why = await _prove(place, project, landing, stop)
        except Stopped:
            return True
        except Exception as error:
            why = explain(error, f"the proof of landing {landing_id}")
    if not why or await _turn(place, landing_id) is not Stand.FIRST:
        return True
    await asyncio.to_thread(landings.fail, place.narrows, landing_id, why)
    return False


async def _prove(place: Workplace, project: Project, landing: Landing, stop: asyncio.Event) -> str:
    """Why the landing is not proven; empty when it is.

    Raises:
        Stopped: `stop` was set.
    """
    red = await _red(place, project, landing, stop)
    if red is None:
        return ""
    if await _turn(place, landing.id) is not Stand.FIRST:
        raise Stopped
    return await _blame(place, project, landing, red, stop)


async def _red(place: Workplace, project: Project, landing: Landing, stop: asyncio.Event) -> Check | None:
    """The check that is red on what is to land; None where it is proven."""
    despite = assessments.despite(project, landing)
    for commit, tree in await asyncio.to_thread(landings.to_prove, place.narrows, project, landing):
        if red := await _judged(place, project, landing, commit, tree, despite=despite, stop=stop):
            return red
    return None


async def _judged(
    place: Workplace,
    project: Project,
    landing: Landing,
    commit: str,
    tree: str,
    *,
    despite: Collection[str] = (),
    commands: Collection[str] | None = None,
    tries: int = TWICE,
    stop: asyncio.Event | None = None,
) -> Check | None:
    """The red check of that commit's tree, whoever found it out; None where all are green, but for those in `despite`.

    Raises:
        Tampered: The checks did not leave the files as they were.
        NarrowsError: There is no tree to run them in.
        Stopped: `stop` was set.
    """
    narrows = place.narrows
    async with judging(place, project, tree, stop):
        if not await asyncio.to_thread(checks.settled, narrows, project, tree, commands, tries):
            async with clean_tree(place, project, commit, stop) as folder:
                await checker.check(
                    place,
                    project,
                    landing,
                    folder,
                    stop,
                    of=tree,
                    commands=commands,
                    despite=despite,
                    tries=tries,
                    intact=still_at(place, project, folder, commit),
                )
            if stop and stop.is_set():
                raise Stopped
        return await asyncio.to_thread(checks.first_red, narrows, project, tree, commands, despite)


async def _blame(place: Workplace, project: Project, landing: Landing, red: Check, stop: asyncio.Event) -> str:
    """What is said of a red check, and where the target was red before this change, too; and the next step."""
    assert landing.old is not None
    sentence, step = f"The check `{red.command}` is red on top of {landing.target_branch}.", "Send the change back"
    tree = await asyncio.to_thread(objects.tree_of, place.narrows.mirror(project.id), landing.old)
    try:
        before = await _judged(place, project, landing, landing.old, tree, commands=[red.command], tries=1, stop=stop)
        await asyncio.to_thread(checks.was_red, place.narrows, red.id, before is not None)
    except NarrowsError:  # nobody can say: the tree can't be made, or its checks change it
        before = None
    if before:
        sentence += f" It was red on {landing.target_branch} before this change, too."
        step = f"Mend {landing.target_branch} first"
    return f"{sentence} {step}, or say why it lands all the same."


@contextlib.asynccontextmanager
async def _unless_fallen(place: Workplace, landing_id: int) -> AsyncIterator[asyncio.Event]:
    """An event that is set as soon as there is no sense in going on: the landing was taken out of the line, or what it
    stands on does not land.
    """
    stop = asyncio.Event()
    watching = asyncio.ensure_future(_watch(place, landing_id, stop))
    try:
        yield stop
    finally:
        await call_off(watching)


async def _watch(place: Workplace, landing_id: int, fallen: asyncio.Event) -> None:
    await _stands(place, landing_id, {Stand.FELL, Stand.OVER})
    fallen.set()


async def _turn(place: Workplace, landing_id: int) -> Stand:
    """How it stands once the one before it is over."""
    return await _stands(place, landing_id, set(Stand) - {Stand.WAITS})


async def _stands(place: Workplace, landing_id: int, wanted: Collection[Stand]) -> Stand:
    """How a landing stands, once it does so in a wanted way: looked at now, and whenever a landing is told of."""
    with place.narrows.bus.subscribe("landing") as signals:
        while (stand := await asyncio.to_thread(line.stand, place.narrows, landing_id)) not in wanted:
            while not any(signal.topic == "landing" for signal in await _batch(signals)):
                continue
        return stand


async def _batch(signals: Subscription) -> list[Signal]:
    """What happened since. Once the process ends it never returns: what waits is not over, only interrupted."""
    batch = await signals.batch()
    if batch is None:
        await asyncio.Event().wait()
    return batch or []


@DBOS.step(name="move")
async def move(landing_id: int) -> Literal["over", "lost_race", "unproven"]:
    """Move the target branch to what was proven, once its turn has come. Lost race: it has to be built and proven anew.

    Unproven: the project's checks are others by now.
    """
    place = workplace()
    narrows = place.narrows
    landing, _, _ = await asyncio.to_thread(landings.whole, narrows, landing_id)
    if landing.executor != place.executor:
        return "over"
    stand = await _turn(place, landing_id)
    if stand is not Stand.FIRST:
        return "over" if stand is Stand.OVER else "lost_race"
    try:
        if not await asyncio.to_thread(landings.may_move, narrows, landing_id):
            return "unproven"
        return "over" if await _unlocked(landings.move, narrows, landing_id) else "lost_race"
    except Exception as error:
        why = explain(error, f"the move of landing {landing_id}")
        if not isinstance(error, NarrowsError) and await asyncio.to_thread(landings.arrived, narrows, landing_id):
            raise  # it is there, and only could not be written down: the next heartbeat goes on
        await asyncio.to_thread(landings.fail, narrows, landing_id, why)
    return "over"


async def _unlocked(move: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a move answers. Where another git is at work in the repository, it is tried again once that has let go.

    Raises:
        LockedByGit: It has not for `LOCKED` seconds.
    """
    until = time.monotonic() + LOCKED
    while True:
        try:
            return await asyncio.to_thread(move, *args, **kwargs)
        except LockedByGit as locked:
            left = until - time.monotonic()
            if left <= 0:
                raise
            await gone(locked.lock, left)


@DBOS.step(name="rebuild")
async def rebuild(landing_id: int) -> bool:
    """Build it anew on what is before it now, to be proven anew: a step of its own, or a death here landed it unproven.

    Whether there is something to prove; otherwise it has failed, with the reason.
    """
    place = workplace()
    narrows = place.narrows
    try:
        return (await asyncio.to_thread(landings.rebuild, narrows, landing_id)).under_way
    except Exception as error:
        await asyncio.to_thread(landings.fail, narrows, landing_id, explain(error, f"rebuilding {landing_id}"))
    return False


@DBOS.workflow(name="undo")
@noted
async def undo(landing_id: int) -> None:
    """Take a landing back: the target moves to where it was, or gets a revert that passed the checks."""
    while await take_back(landing_id) == "lost_race":
        continue


@DBOS.step(name="take_back")
async def take_back(landing_id: int) -> Literal["over", "lost_race"]:
    """One try; idempotent."""
    place = workplace()
    narrows = place.narrows
    landing, project, _ = await asyncio.to_thread(landings.whole, narrows, landing_id)
    if not landing.undo_asked or landing.executor != place.executor:
        return "over"
    try:
        plan = await asyncio.to_thread(undos.plan, narrows, landing_id)
        red = await _judged(place, project, landing, plan.new, plan.tree, tries=TWICE) if plan.revert else None
        if red:
            log = narrows.settings.data / red.log
            why = f"With it taken back, the check `{red.command}` is red. Its log: {log}"
            await asyncio.to_thread(undos.stay, narrows, landing_id, why)
        elif not await _unlocked(undos.take_back, narrows, landing_id, plan):
            return "lost_race"
    except Exception as error:
        await asyncio.to_thread(undos.stay, narrows, landing_id, explain(error, f"the undo of landing {landing_id}"))
    return "over"
