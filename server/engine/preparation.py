"""Making a worktree ready for a run: checkout, the user's ignored files, the project's setup, the environment."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.agents.environment import environment
from server.agents.protocol import AgentSpec
from server.agents.turns import last_line
from server.domain.change import Change, Revision
from server.domain.errors import NarrowsError
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.run import Reason, Run
from server.engine.lines import run_line
from server.engine.workplace import Workplace
from server.git import configuration
from server.git.places import erase
from server.services import checkouts, prompts, rebases, revisions, runs, tasks
from server.services.narrows import Narrows
from server.services.targets import Target

PORTS = range(20_000, 60_000, 10)  # each run has ten of them, and each clean worktree


@dataclass(frozen=True)
class Room:
    """Where a run happens. `base` is the commit that its tree started from."""

    project: Project
    tree: Path
    folder: Path
    base: str
    env: dict[str, str]
    prompt: str
    session: str | None
    session_began: datetime | None
    fallback_prompt: str


class SetupFailed(NarrowsError):
    """The project's setup command did not make a worktree ready."""


async def prepare(place: Workplace, run: Run, spec: AgentSpec) -> Room:
    """Get everything ready for the agent.

    Raises:
        NarrowsError: The target branch is gone, the setup failed, …: a sentence for the person.
    """
    narrows = place.narrows
    _, change, project = await asyncio.to_thread(runs.whole, narrows, run.id)
    folder = runs.folder(narrows, run.id)
    made = await asyncio.to_thread(revisions.of_change, narrows, change.id)
    last = made[-1] if made else None
    await asyncio.to_thread(checkouts.catch_up, narrows, change, project, made)
    tree, fresh, base = await asyncio.to_thread(_check_out, narrows, run, change, project, last)
    names = _names(project, change, run, tree, folder)
    env = environment(home=Path.home(), extra={**names, **spec.env}, passes=spec.passes, defaults=spec.defaults)
    if fresh:
        await set_up(project, tree, folder, env, place.stop_of(run.id))
        checkouts.tenant_file(tree).write_text(str(change.id))
    words, base = await asyncio.to_thread(_words, narrows, run, change, project, made, base)
    asked = words if fresh or run.attempt == 1 else prompts.interrupted(words)
    fallback = ""
    if change.session or change.part_of:
        fallback = prompts.placed(
            await asyncio.to_thread(_whole_story, narrows, run, last, project, words), report=folder / "report.md"
        )
    first_of_part = change.part_of is not None and not change.session  # its agent has never heard of the task
    prompt = fallback if first_of_part else prompts.placed(asked, report=folder / "report.md")
    return Room(project, tree, folder, base, env, prompt, change.session, change.session_at, fallback)


def _words(
    narrows: Narrows, run: Run, change: Change, project: Project, made: list[Revision], base: str
) -> tuple[str, str]:
    """What the run's agent is told, with what became of its tree since its last turn, and the commit that it stands on.

    A tree that is to be brought onto the target is brought there.
    """
    words = run.prompt
    since = list(itertools.takewhile(lambda each: each.made_by is not Actor.AGENT, reversed(made)))
    if by_hand := [each.summary for each in since if each.made_by is Actor.YOU]:
        words = prompts.by_hand(words, by_hand[0])
    if run.onto and made:
        marked = rebases.into_worktree(narrows, change, project, made[-1], run.onto)
        return prompts.brought_onto(words, project.target_branch, run.onto, marked), run.onto
    if any(each.made_by is Actor.ENGINE for each in since):
        words = prompts.brought_onto(words, project.target_branch, made[-1].base)
    return words, base


def _whole_story(narrows: Narrows, run: Run, last: Revision | None, project: Project, words: str) -> str:
    """What a follow-up is told where its conversation can't be continued."""
    done = revisions.files(narrows, last) if last else []
    return prompts.whole_story(tasks.get(narrows, run.task_id), project, done, words)


def _check_out(
    narrows: Narrows, run: Run, change: Change, project: Project, last: Revision | None
) -> tuple[Path, bool, str]:
    """The tree at the change's newest revision, or at the target's tip. Whether it is fresh, and the commit.

    A follow-up finds the tree as its agent left it, and so does another try after a crash whose conversation can go on.
    Any other starts from a clean one; what stands there unsaved is saved first.
    """
    assert change.slot is not None
    tree = narrows.tree(project.id, change.slot)
    target = Target.of(narrows, project).beginning()
    base = last.base if last else target
    goes_on = run.reason is not Reason.FIRST if run.attempt == 1 else change.session is not None
    own = checkouts.tenant(tree) == change.id and tree.is_dir()
    if goes_on and own:
        return tree, False, base
    commit = last.commit if last else target
    return checkouts.move_in(narrows, project, change.id, commit, _why(run, own)), True, base


def _why(run: Run, own: bool) -> str:
    """Why what stands in a worktree makes room for a run: for a clean start of its own change, or for another one."""
    if own and run.attempt > 1:
        return "left by a try that broke off"
    return "left by an earlier run" if own else "stood in a worktree that was used for another change"


def occupied(narrows: Narrows, run: Run) -> bool:
    """Whether the run's worktree holds its change's work, as an agent left it."""
    _, change, project = runs.whole(narrows, run.id)
    return change.slot is not None and checkouts.tenant(narrows.tree(project.id, change.slot)) == change.id


async def set_up(
    project: Project, tree: Path, folder: Path, env: dict[str, str], stop: asyncio.Event | None = None
) -> None:
    """Run the project's setup command in a fresh worktree; its log is `setup.log` in `folder`.

    Raises:
        SetupFailed: It ended with another exit code than 0, or by the time limit.
        Stopped: `stop` was set.
    """
    if not project.setup:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = folder / "setup.log"
    end = await run_line(
        project.setup, project=project, tree=tree, env=env, folder=folder / "setup", log=log, stop=stop
    )
    if end.code != 0:
        how = "reached its time limit" if end.timed_out else f"ended with exit code {end.code}"
        said = last_line(log)
        raise SetupFailed(
            f"The setup command `{project.setup}` {how}{': ' + said if said else '.'}",
            f"Mend it on the project's page. Its log: {log}",
        )


def check_environment(project: Project, tree: Path, folder: Path) -> dict[str, str]:
    """What a check or a setup in a clean worktree gets: ports as a run has them, and an empty folder for temporary
    files.
    """
    erase(folder / "tmp")
    ports = _free_ports(zlib.crc32(os.fsencode(tree)))
    return environment(home=Path.home(), extra={**_own(project, tree, folder), "NARROWS_PORT": str(ports)})


def _names(project: Project, change: Change, run: Run, tree: Path, folder: Path) -> dict[str, str]:
    return {
        **_own(project, tree, folder),
        "NARROWS_TASK": str(change.task_id),
        "NARROWS_CHANGE": str(change.id),
        "NARROWS_SESSIONS": str(folder.parent.parent / "sessions"),
        "NARROWS_PORT": str(_free_ports(run.id)),
    }


def _own(project: Project, tree: Path, folder: Path) -> dict[str, str]:
    person = configuration.identity(Path(project.path))
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "NARROWS_WORKTREE": str(tree),
        "TMPDIR": str(temporary),
        "GIT_AUTHOR_NAME": person.name,
        "GIT_AUTHOR_EMAIL": person.email,
        "GIT_COMMITTER_NAME": person.name,
        "GIT_COMMITTER_EMAIL": person.email,
    }


def _free_ports(seed: int) -> int:
    """The first of ten free ports, another for each run and clean worktree as far as there are any."""
    for step in range(len(PORTS)):
        first = PORTS[(seed + step) % len(PORTS)]
        if all(_free(port) for port in range(first, first + 10)):
            return first
    return PORTS[0]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
