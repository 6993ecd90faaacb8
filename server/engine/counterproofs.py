"""Running a revision's tests on the code before: after its checks, one at a time, with the lowest priority.

No durable work: what the server's end breaks off is begun again at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from server.bus import Signal
from server.domain.states import CheckState
from server.engine import preparation
from server.engine.clean_trees import clean_tree, held, judging, still_at
from server.engine.lines import Stopped, run_line
from server.engine.processes import CannotStart
from server.engine.trouble import explain
from server.engine.workplace import Workplace
from server.git import places
from server.services import counterproofs, revisions
from server.services.counterproofs import Plan

MAY_BE_DUE = {("change", "presented"), ("change", "restored"), ("landing", "failed"), ("landing", "cancelled")}
JUDGED = {("check", "passed"), ("revision", "revised")}  # of what a person made
MAY_END = ("change", "revision", "landing")
log = logging.getLogger(__name__)


class Ended(NamedTuple):
    """How a command ended."""

    state: CheckState
    code: int | None = None
    seconds: float | None = None


async def work(place: Workplace) -> None:
    """Make every counterproof that is due, until cancelled."""
    stops: dict[int, asyncio.Event] = {}
    one_at_a_time = asyncio.Lock()
    with place.narrows.bus.subscribe("change", "check", "landing", "revision") as signals:
        due = await asyncio.to_thread(counterproofs.due, place.narrows)
        async with asyncio.TaskGroup() as tasks:
            while True:
                for revision_id in due:
                    if revision_id not in stops:
                        stops[revision_id] = asyncio.Event()
                        tasks.create_task(_make(place, revision_id, stops, one_at_a_time))
                batch = await signals.batch()
                if batch is None:
                    return
                due = await _answer(place, batch, stops)


async def _answer(place: Workplace, batch: Collection[Signal], stops: dict[int, asyncio.Event]) -> list[int]:
    """What may be due after this; those that nobody reads any more are ended."""
    try:
        if any(signal.topic in MAY_END for signal in batch):
            for revision_id, stop in list(stops.items()):
                if not await asyncio.to_thread(revisions.is_read, place.narrows, revision_id):
                    stop.set()
        changes = [int(s.data["change_id"]) for s in batch if (s.topic, s.verb) in MAY_BE_DUE]
        about = [s for s in batch if (s.topic, s.verb) in JUDGED]
        judged = [s.id if s.topic == "revision" else s.data.get("revision_id") for s in about]
        found = [int(each) for each in judged if each]
        return await asyncio.to_thread(counterproofs.due, place.narrows, changes, found) if changes or found else []
    except Exception:  # the next signal asks again; the engine goes on
        log.exception("no counterproof is begun")
        return []


async def _make(
    place: Workplace, revision_id: int, stops: dict[int, asyncio.Event], one_at_a_time: asyncio.Lock
) -> None:
    """Whatever goes wrong here, the change can be read and landed all the same."""
    with place.carrying_out():
        try:
            async with held(one_at_a_time, stops[revision_id]):
                await _prove(place, revision_id, stops[revision_id])
        except Stopped:
            pass  # before it began
        except Exception:  # not even what went wrong can be written down; the engine goes on
            log.exception("revision %s has no counterproof", revision_id)
        finally:
            stops.pop(revision_id, None)


async def _prove(place: Workplace, revision_id: int, stop: asyncio.Event) -> None:
    narrows = place.narrows
    try:
        plan = await asyncio.to_thread(counterproofs.plan, narrows, revision_id)
        if plan is not None:
            await _carry_out(place, plan, stop)
    except Stopped:
        await asyncio.to_thread(counterproofs.call_off, narrows, revision_id)
    except Exception as error:
        why = explain(error, f"the counterproof of revision {revision_id}")
        await asyncio.to_thread(counterproofs.fall_over, narrows, revision_id, why)


async def _carry_out(place: Workplace, plan: Plan, stop: asyncio.Event) -> None:
    """Each command until one is red: then the tests do not pass without the change."""
    narrows = place.narrows
    async with judging(place, plan.project, plan.tree, stop):
        known = await asyncio.to_thread(counterproofs.known, narrows, plan)
        red = [each for each in known if known[each].state is CheckState.FAILED]
        left = [each for each in plan.commands if each not in known]
        if red or not left:
            command = (red or plan.commands)[0]
            await asyncio.to_thread(counterproofs.take_over, narrows, plan.number, command, known[command])
            return
        async with clean_tree(place, plan.project, plan.commit, stop) as tree:
            ended = Ended(CheckState.ERRORED)
            for command in left:
                ended = await _run(place, plan, command, tree, stop)
                if ended.state is not CheckState.PASSED:
                    break
        await asyncio.to_thread(counterproofs.end, narrows, plan.number, *ended)


async def _run(place: Workplace, plan: Plan, command: str, tree: Path, stop: asyncio.Event) -> Ended:
    """One command, as a check is run."""
    file = await asyncio.to_thread(counterproofs.start, place.narrows, plan.number, command)
    folder = file.with_suffix("")
    env = await asyncio.to_thread(preparation.check_environment, plan.project, tree, folder)
    state, code, seconds = CheckState.ERRORED, None, None
    try:
        end = await run_line(
            command, project=plan.project, tree=tree, env=env, folder=folder, log=file, stop=stop, gently=True
        )
        code, seconds = end.code, end.seconds
        if not end.timed_out:  # that would tell of patience
            state = CheckState.PASSED if end.code == 0 else CheckState.FAILED
    except CannotStart:
        pass
    finally:
        await asyncio.to_thread(places.erase, Path(env["TMPDIR"]))
    intact = still_at(place, plan.project, tree, plan.commit)
    if state is CheckState.PASSED and not await intact():
        state = CheckState.ERRORED  # that tells of other files
    return Ended(state, code, seconds)
