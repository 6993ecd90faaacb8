"""Making a worktree ready for a run: checkout, the user's ignored files, the project's setup, the environment."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.agents.environment import environment
from server.agents.protocol import AgentSpec
from server.agents.turns import last_line
from server.domain.change import Change, Revision
from server.domain.diff import FileStatus
from server.domain.errors import NarrowsError
from server.domain.project import Project
from server.domain.run import Reason, Run
from server.engine.lines import run_line
from server.engine.workplace import Workplace
from server.git import commands, diffs, mirrors, snapshots, trees, worktrees
from server.services import prompts, revisions, runs, tasks
from server.services.narrows import Narrows

PORTS = range(20_000, 60_000, 10)  # each run has ten of them


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


async def prepare(place: Workplace, run: Run, spec: AgentSpec) -> Room:
    """Get everything ready for the agent.

    Raises:
        NarrowsError: The target branch is gone, the setup failed, …: a sentence for the person.
    """
    narrows = place.narrows
    _, change, project = await asyncio.to_thread(runs.whole, narrows, run.id)
    folder = runs.folder(narrows, run.id)
    last = await asyncio.to_thread(_last_revision, narrows, change.id)
    fresh, base = await asyncio.to_thread(_check_out, narrows, run, change, project, last)
    assert change.slot is not None
    tree = narrows.tree(project.id, change.slot)
    names = _names(project, change, run, tree, folder)
    env = environment(home=Path.home(), extra={**names, **spec.env}, passes=spec.passes, defaults=spec.defaults)
    if fresh:
        await set_up(project, tree, folder, env, place.stop_of(run.id))
        _tenant_file(tree).write_text(str(change.id))
    asked = run.prompt if fresh or run.attempt == 1 else prompts.interrupted(run.prompt)
    prompt = prompts.placed(asked, report=folder / "report.md")
    fallback = ""
    if change.session:
        fallback = prompts.placed(
            await asyncio.to_thread(_whole_story, narrows, run, project, last), report=folder / "report.md"
        )
    return Room(project, tree, folder, base, env, prompt, change.session, change.session_at, fallback)


def _whole_story(narrows: Narrows, run: Run, project: Project, last: Revision | None) -> str:
    """What a follow-up is told where its conversation can't be continued."""
    done = revisions.files(narrows, last) if last else []
    return prompts.whole_story(tasks.get(narrows, run.task_id), project, done, run.prompt)


def _last_revision(narrows: Narrows, change_id: int) -> Revision | None:
    found = revisions.of_change(narrows, change_id)
    return found[-1] if found else None


def _check_out(narrows: Narrows, run: Run, change: Change, project: Project, last: Revision | None) -> tuple[bool, str]:
    """The tree at the change's newest revision, or at the target's tip. Whether it is fresh, and the commit.

    A follow-up finds the tree as its agent left it, and so does another try after a crash whose conversation can go on.
    Any other starts from a clean one; what stands there unsaved is saved first.
    """
    mirror, source = narrows.mirror(project.id), Path(project.path)
    assert change.slot is not None
    tree = narrows.tree(project.id, change.slot)
    target = mirrors.fetch(source, mirror, project.target_branch)
    commit = last.commit if last else target
    goes_on = run.reason is not Reason.FIRST if run.attempt == 1 else change.session is not None
    if goes_on and _tenant(tree) == change.id and tree.is_dir():
        return False, last.base if last else target
    # No agent was ever in a tree without a tenant: a crash left it half made, and nothing in it is anybody's work.
    if _tenant_file(tree).exists() and not worktrees.saved(mirror, tree, exclude=project.include):
        save(narrows, project, tree, f"refs/narrows/trash/trees/{run.id}-{run.attempt}")
    tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _tenant_file(tree).unlink(missing_ok=True)  # written anew after the setup: a tree without it is no follow-up's
    worktrees.prepare(mirror, tree, commit)
    worktrees.bring(source, tree, project.include)
    return True, last.base if last else target


def save(narrows: Narrows, project: Project, tree: Path, ref: str) -> None:
    """Keep what stands in a worktree under a ref of the mirror, before it is used for something else."""
    mirror = narrows.mirror(project.id)
    target = mirrors.resolve(mirror, f"refs/heads/{project.target_branch}")
    head = trees.head(mirror, tree) or target
    if head is None:
        raise NarrowsError("This worktree can't be read.", f"Look at {tree}; move it away to go on.")
    kept = snapshots.take(
        mirror,
        tree,
        base=head,
        message="Saved before the worktree was used again.\n",
        author=commands.identity(Path(project.path)),
        exclude=project.include,
    )
    mirrors.hold(mirror, ref, kept.commit if kept else head)


def sweep(narrows: Narrows, project: Project, tree: Path, revision: Revision) -> bool:
    """Take away what checks left in a worktree, so that it is no part of the next revision. Ignored files stay.

    Whether the checks had changed the very files that they were checking.
    """
    mirror = narrows.mirror(project.id)
    if not worktrees.touched(mirror, tree, revision.commit, exclude=project.include):
        return False
    left = snapshots.take(
        mirror,
        tree,
        base=revision.commit,
        message="Left by the checks.\n",
        author=commands.identity(Path(project.path)),
        exclude=project.include,
    )
    trees.rewind(mirror, tree, revision.commit, exclude=project.include)
    changed = diffs.compare(mirror, revision.tree, left.tree) if left else []
    return any(file.status is not FileStatus.ADDED for file in changed)


def occupied(narrows: Narrows, run: Run) -> bool:
    """Whether the run's worktree holds its change's work, as an agent left it."""
    _, change, project = runs.whole(narrows, run.id)
    return change.slot is not None and _tenant(narrows.tree(project.id, change.slot)) == change.id


def _tenant_file(tree: Path) -> Path:
    return tree.with_name(f"{tree.name}.tenant")


def _tenant(tree: Path) -> int | None:
    try:
        return int(_tenant_file(tree).read_text())
    except (OSError, ValueError):
        return None


async def set_up(
    project: Project, tree: Path, folder: Path, env: dict[str, str], stop: asyncio.Event | None = None
) -> None:
    """Run the project's setup command in a fresh worktree; its log is `setup.log` in `folder`.

    Raises:
        NarrowsError: It failed.
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
        raise NarrowsError(
            f"The setup command `{project.setup}` {how}{': ' + said if said else '.'}",
            f"Mend it on the project's page. Its log: {log}",
        )


def check_environment(project: Project, tree: Path, folder: Path) -> dict[str, str]:
    """What a check or a setup outside a run gets."""
    return environment(home=Path.home(), extra=_own(project, tree, folder))


def _names(project: Project, change: Change, run: Run, tree: Path, folder: Path) -> dict[str, str]:
    return {
        **_own(project, tree, folder),
        "NARROWS_TASK": str(change.task_id),
        "NARROWS_CHANGE": str(change.id),
        "NARROWS_SESSIONS": str(folder.parent.parent / "sessions"),
        "NARROWS_PORT": str(_free_ports(run.id)),
    }


def _own(project: Project, tree: Path, folder: Path) -> dict[str, str]:
    person = commands.identity(Path(project.path))
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
    """The first of ten free ports, another for each run as far as there are any."""
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
