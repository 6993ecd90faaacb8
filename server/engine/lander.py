"""Landing and undoing, as durable workflows: prove, move, and again where somebody else moved the target first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from dbos import DBOS

from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import LandingState
from server.engine import checker, preparation
from server.engine.trouble import explain
from server.engine.workplace import Workplace, workplace
from server.git import trees, worktrees
from server.services import checks, landings, undos


@DBOS.workflow(name="land")
async def land(landing_id: int) -> None:
    """Carry a claimed landing out: it is landed at the end, or failed with a reason and nothing moved."""
    while await prove(landing_id):
        moved = await move(landing_id)
        if moved == "over" or (moved == "lost_race" and not await rebuild(landing_id)):
            return


@DBOS.step(name="prove")
async def prove(landing_id: int) -> bool:
    """Whether the checks pass on exactly the commit that is to land. A failure is written down."""
    place = workplace()
    landing, project, _ = await asyncio.to_thread(landings.whole, place.narrows, landing_id)
    if landing.state is not LandingState.RUNNING or landing.executor != place.executor:
        return False
    try:
        why = await _prove(place, project, landing)
    except Exception as error:
        why = explain(error, f"the proof of landing {landing_id}")
    await place.unless_stopping()
    if why:
        await asyncio.to_thread(landings.fail, place.narrows, landing_id, why)
    return not why


async def _prove(place: Workplace, project: Project, landing: Landing) -> str:
    """Why the landing's tree is not proven; empty when it is."""
    assert landing.tree is not None
    assert landing.commit is not None
    if await asyncio.to_thread(checks.passed, place.narrows, project, landing.tree):
        return ""
    async with _landing_tree(place, project, landing.commit) as tree:
        results = await checker.check(place, project, landing, tree)
        red = next((each for each in results if each.red), None)
        if red is not None:
            red = await checker.again(place, project, red, tree)
        if red is None or not red.red:
            why = await asyncio.to_thread(_tampered, place, project, landing, tree)
            if why or red is None:
                return why
    # The landing tree is free again: the next lines need it for themselves.
    return await _blame(place, project, landing, red) if red.red else await _prove(place, project, landing)


async def _blame(place: Workplace, project: Project, landing: Landing, red: Check) -> str:
    """The sentence for a red check, which says so where the target was red before this change, too."""
    assert landing.old is not None
    sentence = f"The check `{red.command}` is red on top of {landing.target_branch}."
    folder = place.narrows.settings.logs / "checks" / f"{red.id}-before"
    async with _landing_tree(place, project, landing.old) as tree:
        if not await checker.would_pass(place, project, red.command, tree, folder):
            sentence += f" It was red on {landing.target_branch} before this change, too."
    return sentence


def _tampered(place: Workplace, project: Project, landing: Landing, tree: Path) -> str:
    """The sentence for checks that did not leave the files as they were; empty when they did."""
    if trees.intact(place.narrows.mirror(project.id), tree, landing.commit or ""):
        return ""
    checks.discredit(place.narrows, landing)
    return "The checks changed the files that they were checking, so they prove nothing. Mend the check commands."


@contextlib.asynccontextmanager
async def _landing_tree(place: Workplace, project: Project, commit: str) -> AsyncIterator[Path]:
    """The project's clean worktree for landings, at a commit, set up; one at a time."""
    narrows = place.narrows
    tree = narrows.settings.worktrees / str(project.id) / "landing"
    async with place.trees.setdefault(str(tree), asyncio.Lock()):
        tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(worktrees.prepare, narrows.mirror(project.id), tree, commit)
        await asyncio.to_thread(worktrees.bring, Path(project.path), tree, project.include)
        folder = narrows.settings.logs / "setup" / f"{project.id}-landing"
        await preparation.set_up(project, tree, folder, preparation.check_environment(project, tree, folder))
        yield tree


@DBOS.step(name="move")
async def move(landing_id: int) -> Literal["over", "lost_race", "unproven"]:
    """Move the target branch to what was proven. Lost race: it has to be built and proven anew.

    Unproven: the project's checks are others by now.
    """
    place = workplace()
    narrows = place.narrows
    landing, _, _ = await asyncio.to_thread(landings.whole, narrows, landing_id)
    if landing.executor != place.executor:
        return "over"
    try:
        if not await asyncio.to_thread(landings.may_move, narrows, landing_id):
            return "unproven"
        return "over" if await asyncio.to_thread(landings.move, narrows, landing_id) else "lost_race"
    except Exception as error:
        await asyncio.to_thread(landings.fail, narrows, landing_id, explain(error, f"the move of landing {landing_id}"))
    return "over"


@DBOS.step(name="rebuild")
async def rebuild(landing_id: int) -> bool:
    """Build it anew on the target as it is, to be proven anew: a step of its own, or a death here landed it unproven.

    Whether there is something to prove; otherwise it has failed, with the reason.
    """
    narrows = workplace().narrows
    try:
        await asyncio.to_thread(landings.rebuild, narrows, landing_id)
        return True
    except Exception as error:
        await asyncio.to_thread(landings.fail, narrows, landing_id, explain(error, f"rebuilding {landing_id}"))
    return False


@DBOS.workflow(name="undo")
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
        if plan.revert and (why := await _prove_revert(place, project, plan)):
            await place.unless_stopping()
            await asyncio.to_thread(undos.stay, narrows, landing_id, why)
        elif not await asyncio.to_thread(undos.take_back, narrows, landing_id, plan):
            return "lost_race"
    except Exception as error:
        await place.unless_stopping()
        await asyncio.to_thread(undos.stay, narrows, landing_id, explain(error, f"the undo of landing {landing_id}"))
    return "over"


async def _prove_revert(place: Workplace, project: Project, plan: undos.TakingBack) -> str:
    if await asyncio.to_thread(checks.passed, place.narrows, project, plan.tree):
        return ""
    async with _landing_tree(place, project, plan.new) as tree:
        for position, command in enumerate(project.checks):
            folder = place.narrows.settings.logs / "checks" / f"revert-{plan.new[:12]}-{position}"
            if not await checker.would_pass(place, project, command, tree, folder):
                return f"With it taken back, the check `{command}` is red. Its log: {folder}/output.log"
    return ""
