"""One turn of an agent, as a durable workflow: work, record, judge, decide.

A step that finished is not done again after a crash; the one that was interrupted is, from its beginning.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from dbos import DBOS

from server.agents.builtin import make
from server.agents.protocol import AgentSpec, Outcome, Turn
from server.domain.run import Run
from server.domain.states import ChangeState, RunState
from server.domain.trouble import Trouble
from server.domain.usage import TOKENS
from server.engine import checker, confining, preparation, specs
from server.engine.asking import asker
from server.engine.lines import Stopped
from server.engine.listening import Listener
from server.engine.trouble import explain
from server.engine.workplace import Workplace, noted, workplace
from server.services import agents, checks, revisions, runs

log = logging.getLogger(__name__)


@DBOS.workflow(name="turn")
@noted
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
        outcome, spec = await _take_turn(place, run, began)
    except Stopped:
        outcome, spec = Outcome("stopped"), None
    except Exception as error:
        outcome, spec = Outcome("failed", error=explain(error, f"run {run_id}")), None
    finally:
        place.stops.pop(run_id, None)
    await place.unless_stopping()
    return told(outcome, spec, began=began.is_set())


def told(outcome: Outcome, spec: AgentSpec | None, *, began: bool) -> dict[str, Any]:
    """An outcome as DBOS keeps it between two steps."""
    spans = {"cost": spec.cost, **dict.fromkeys(TOKENS, spec.tokens)} if spec else {}
    return {
        "state": outcome.state,
        "summary": outcome.summary,
        "session": outcome.session,
        "error": outcome.error,
        "report": outcome.report,
        "trouble": outcome.trouble,
        "resets_at": outcome.resets_at.isoformat() if outcome.resets_at else None,
        "continued": outcome.continued,
        "usage": dict(outcome.usage),
        "cumulative": [name for name, span in spans.items() if span == "session"],
        "suspect": _suspect(outcome, spec),
        "began": began,
    }


def _suspect(outcome: Outcome, spec: AgentSpec | None) -> bool:
    """Whether the agent says that all is well, and reports nothing used where it otherwise does."""
    reports = spec is not None and spec.tokens is not None
    return outcome.state == "succeeded" and reports and not any(outcome.usage.get(name) for name in TOKENS)


async def _take_turn(place: Workplace, run: Run, began: asyncio.Event) -> tuple[Outcome, AgentSpec | None]:
    """Set `began` as soon as the worktree is the agent's; before that, what stands in it is somebody else's work."""
    narrows = place.narrows
    stop = place.stop_of(run.id)
    if run.stop_asked:
        if await asyncio.to_thread(preparation.occupied, narrows, run):
            began.set()  # its server died before it had stopped
        return Outcome("stopped"), None
    agent = await asyncio.to_thread(agents.get, narrows, run.agent)
    spec, found = await asyncio.to_thread(specs.ready, agent, narrows.settings)
    if found.path is None:
        return Outcome("failed", error=f"{found.problem} {found.step}".strip(), trouble=Trouble.MISSING), None
    room = await preparation.prepare(place, run, spec)
    launch, confined_by = await asyncio.to_thread(confining.launcher, place, room, spec)
    if stop.is_set():
        return Outcome("stopped"), None
    driven_by = specs.driven_by(spec, found)
    await asyncio.to_thread(runs.set_out, narrows, run.id, driven_by=driven_by, confined_by=confined_by)
    began.set()
    with Listener(place, run, room) as listener:
        asked = Turn(
            prompt=room.prompt,
            worktree=room.tree,
            folder=room.folder,
            env=room.env,
            timeout=room.project.turn_minutes * 60.0,
            session=room.session,
            session_began=room.session_began,
            fallback_prompt=room.fallback_prompt,
            permissions=room.project.permissions,
            repository_config=room.project.repository_config,
            confined=room.project.sandbox,
            ask=asker(place, run),
            meet=listener.meet,
        )
        outcome = await make(spec).turn(asked, launch, listener.hear, stop)
    if room.project.sandbox:
        await asyncio.to_thread(confining.bring_back, place, room)
    return outcome, spec


@DBOS.step(name="record")
async def record(run_id: int, outcome: dict[str, Any]) -> None:
    """Make what the run left its change's next revision."""
    place = workplace()
    narrows = place.narrows
    ending = _ending(outcome)
    if not await asyncio.to_thread(runs.holds, narrows, run_id, place.executor):
        return
    try:
        if outcome.get("began", True):
            await asyncio.to_thread(
                revisions.take, narrows, run_id, summary=outcome["summary"], report=outcome["report"]
            )
    except Exception as failure:  # the tree stays as it is: nothing is lost, and a person looks at it
        why = explain(failure, f"collecting what run {run_id} left")
        ending = replace(
            ending, state=RunState.FAILED, error=f"What the agent left could not be collected. {why}", suspect=False
        )
    await asyncio.to_thread(runs.end, narrows, run_id, place.executor, ending)


def _ending(outcome: dict[str, Any]) -> runs.Ending:
    """What `told` wrote; a step that an older version finished has fewer words."""
    trouble, resets_at = outcome.get("trouble"), outcome.get("resets_at")
    return runs.Ending(
        state=RunState(outcome["state"]),
        error=outcome["error"],
        trouble=Trouble(trouble) if trouble else None,
        resets_at=datetime.fromisoformat(resets_at) if resets_at else None,
        summary=outcome["summary"],
        session=outcome["session"],
        continued=outcome.get("continued"),
        usage=outcome.get("usage", {}),
        cumulative=tuple(outcome.get("cumulative", ())),
        suspect=outcome.get("suspect", False),
    )


@DBOS.step(name="judge")
async def judge(run_id: int) -> None:
    """Run the project's checks on the revision.

    Whatever goes wrong here, a decision follows: a check without a result is not green, and is tried once more then.
    """
    place = workplace()
    try:
        if await asyncio.to_thread(runs.undecided, place.narrows, run_id, place.executor):
            await _judge(place, run_id)
    except Exception as error:
        log.warning("the checks of run %s have no result yet: %s", run_id, explain(error, f"judging run {run_id}"))
    finally:
        place.stops.pop(run_id, None)


async def _judge(place: Workplace, run_id: int) -> None:
    run, change, project = await asyncio.to_thread(runs.whole, place.narrows, run_id)
    revision = await asyncio.to_thread(revisions.of_run, place.narrows, run_id)
    if revision is None or revision.tree == revision.base_tree or not project.checks:
        return
    if change.state is not ChangeState.WORKING:
        await asyncio.to_thread(checks.call_off, place.narrows, revision.id)
        return
    stop = place.stop_of(run.id)
    if run.stop_asked:
        stop.set()
    await checker.judge(place, project, revision, stop)


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
    await asyncio.to_thread(runs.end, place.narrows, run_id, place.executor, runs.Ending(RunState.FAILED, why))
    if await asyncio.to_thread(runs.undecided, place.narrows, run_id, place.executor):
        await asyncio.to_thread(runs.decide, place.narrows, run_id)
