"""One turn of an agent, as a durable workflow: work, record, judge, decide.

A step that finished is not done again after a crash; the one that was interrupted is, from its beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from dbos import DBOS

from server.agents.builtin import make
from server.agents.protocol import Outcome, Turn
from server.domain.run import Run
from server.domain.states import ChangeState, RunState
from server.engine import checker, preparation, processes
from server.engine.lines import Stopped
from server.engine.listening import Listener
from server.engine.specs import spec_of
from server.engine.trouble import explain
from server.engine.workplace import Workplace, workplace
from server.services import agents, checks, revisions, runs

Workflow = Callable[[int], Coroutine[Any, Any, None]]
log = logging.getLogger(__name__)


@DBOS.workflow(name="turn")
async def turn(run_id: int) -> None:
    """Carry a run out, to a revision with its checks, and decide what becomes of its change."""
    try:
        outcome = await work(run_id)
        if outcome is not None:
            await record(run_id, outcome)
        await judge(run_id)
        await decide(run_id)
    except Exception as error:
        await give_up(run_id, explain(error, f"run {run_id}"))


@DBOS.step(name="work")
async def work(run_id: int) -> dict[str, Any] | None:
    """Prepare the worktree and let the agent work in it. None: the run is over, or another worker's now."""
    place = workplace()
    run = await asyncio.to_thread(runs.begin, place.narrows, run_id, place.executor)
    if run is None:
        return None
    began = asyncio.Event()
    try:
        outcome = await _take_turn(place, run, began)
    except Stopped:
        outcome = Outcome("stopped")
    except Exception as error:
        outcome = Outcome("failed", error=explain(error, f"run {run_id}"))
    finally:
        place.stops.pop(run_id, None)
    await place.unless_stopping()
    return {
        "state": outcome.state,
        "summary": outcome.summary,
        "session": outcome.session,
        "error": outcome.error,
        "report": outcome.report,
        "began": began.is_set(),
    }


async def _take_turn(place: Workplace, run: Run, began: asyncio.Event) -> Outcome:
    """Set `began` as soon as the worktree is the agent's; before that, what stands in it is somebody else's work."""
    narrows = place.narrows
    stop = place.stop_of(run.id)
    if run.stop_asked:
        if await asyncio.to_thread(preparation.occupied, narrows, run):
            began.set()  # its server died before it had stopped
        return Outcome("stopped")
    agent = await asyncio.to_thread(agents.get, narrows, run.agent)
    room = await preparation.prepare(place, run, agent)
    if stop.is_set():
        return Outcome("stopped")
    began.set()
    with Listener(place, run, room) as listener:
        return await make(spec_of(agent)).turn(
            Turn(
                prompt=run.prompt,
                worktree=room.tree,
                folder=room.folder,
                env=room.env,
                timeout=room.project.turn_minutes * 60.0,
                session=room.session,
                fallback_prompt=room.fallback_prompt,
            ),
            processes.launch,
            listener.hear,
            stop,
        )


@DBOS.step(name="record")
async def record(run_id: int, outcome: dict[str, Any]) -> None:
    """Make what the run left its change's next revision."""
    place = workplace()
    narrows = place.narrows
    state, error = RunState(outcome["state"]), outcome["error"]
    if not await asyncio.to_thread(runs.holds, narrows, run_id, place.executor):
        return
    try:
        if outcome.get("began", True):
            await asyncio.to_thread(
                revisions.take, narrows, run_id, summary=outcome["summary"], report=outcome["report"]
            )
    except Exception as failure:  # the tree stays as it is: nothing is lost, and a person looks at it
        why = explain(failure, f"collecting what run {run_id} left")
        state, error = RunState.FAILED, f"What the agent left could not be collected. {why}"
    await asyncio.to_thread(
        runs.end,
        narrows,
        run_id,
        place.executor,
        state,
        error=error,
        summary=outcome["summary"],
        session=outcome["session"],
    )
    await place.unless_stopping()


@DBOS.step(name="judge")
async def judge(run_id: int) -> None:
    """Run the project's checks on the revision, in the worktree that it was taken from.

    Whatever goes wrong here, a decision follows: a check without a result is not green, and a landing runs it again.
    """
    place = workplace()
    try:
        if await asyncio.to_thread(runs.undecided, place.narrows, run_id, place.executor):
            await _judge(place, run_id)
    except Exception:
        log.exception("the checks of run %s could not be carried out", run_id)
    finally:
        place.stops.pop(run_id, None)
    await place.unless_stopping()


async def _judge(place: Workplace, run_id: int) -> None:
    run, change, project = await asyncio.to_thread(runs.whole, place.narrows, run_id)
    revision = await asyncio.to_thread(revisions.of_run, place.narrows, run_id)
    if revision is None or revision.tree == revision.base_tree or not project.checks:
        return
    if change.state is not ChangeState.WORKING or change.slot is None:
        await asyncio.to_thread(checks.call_off, place.narrows, revision.id)
        return
    if run.stop_asked:
        place.stop_of(run.id).set()
    tree = place.narrows.tree(project.id, change.slot)
    await checker.check(place, project, revision, tree, stop=place.stop_of(run.id))
    if await asyncio.to_thread(preparation.sweep, place.narrows, project, tree, revision):
        await asyncio.to_thread(checks.discredit, place.narrows, revision)


@DBOS.step(name="decide")
async def decide(run_id: int) -> None:
    """To the desk, back to the agent, or to the person with a reason."""
    place = workplace()
    if await asyncio.to_thread(runs.undecided, place.narrows, run_id, place.executor):
        await asyncio.to_thread(runs.decide, place.narrows, run_id)


@DBOS.step(name="give_up")
async def give_up(run_id: int, why: str) -> None:
    """After a mistake of Narrows' own: the run ends, and a person sees it; the worktree stays as it is."""
    place = workplace()
    await place.unless_stopping()
    await asyncio.to_thread(runs.end, place.narrows, run_id, place.executor, RunState.FAILED, error=why)
    if await asyncio.to_thread(runs.undecided, place.narrows, run_id, place.executor):
        await asyncio.to_thread(runs.decide, place.narrows, run_id)
