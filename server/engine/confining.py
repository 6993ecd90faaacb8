"""How a run's programs are started: in the sandbox where the project wants one, else as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from server.agents import sandbox
from server.agents.protocol import AgentSpec, Launch, ProcessLike, Stdin
from server.domain.errors import NarrowsError
from server.engine import processes
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.git import objects, places


def launcher(place: Workplace, room: Room, spec: AgentSpec) -> tuple[Launch, str]:
    """What starts the run's agent, and the name of what confines it; empty where nothing does.

    Raises:
        NarrowsError: The project wants a sandbox, and there is none here: nothing is started without it.
    """
    uninvited = [] if room.project.repository_config else _uninvited(room.tree, spec)
    if not room.project.sandbox:
        if uninvited:
            name = spec.title or spec.name
            raise NarrowsError(
                f"{name} would run what this repository configures in {uninvited[0]}, and can't be told not to.",
                "Allow the repository's own configuration on the project's page, or the sandbox, which hides it.",
            )
        return processes.launch, spec.confines_itself
    found = sandbox.available()
    if found is None:
        raise NarrowsError(
            f"This project's agents are to be confined. {sandbox.why_not()}", "Or switch the sandbox off on its page."
        )
    narrows = place.narrows
    where = places.place(narrows.mirror(room.project.id), room.tree)
    sessions = narrows.settings.data / "sessions"  # where agents of our own keep their conversations
    sessions.mkdir(mode=0o700, exist_ok=True)
    confinement = sandbox.of_run(
        worktree=room.tree,
        git=sandbox.GitFolders(where.mirror, where.admin, where.private),
        run_folder=room.folder,
        data=narrows.settings.data,
        home=Path.home(),
        keeps=spec.keeps,
        readable=_programs(spec, room.env),
        writable=[sessions],
        network=room.project.sandbox_network,
    )
    hidden = (*confinement.hidden, *(room.tree / name for name in uninvited))
    confinement = replace(confinement, hidden=hidden)
    network = "" if room.project.sandbox_network else ", without network"
    return _confined(found, confinement), f"{found.name}{network}"


def bring_back(place: Workplace, room: Room) -> None:
    """Have what a confined agent committed where everybody's git finds it."""
    objects.adopt(places.place(place.narrows.mirror(room.project.id), room.tree))


def _uninvited(tree: Path, spec: AgentSpec) -> list[str]:
    """What in the tree the agent loads although only the user's settings count."""
    return [name for name in spec.loads_anyway if os.path.lexists(tree / name)]


def _programs(spec: AgentSpec, env: Mapping[str, str]) -> list[Path]:
    """Where the agent's programs are, so that they are seen wherever they are installed: the folders of its PATH, and
    for each program the packages that it is one of.
    """
    folders = [Path(name) for name in env.get("PATH", "").split(os.pathsep)]
    named = [Path(name) for name in (spec.argv[0], *(env[name] for name in spec.needs if name in env))]
    return [path for path in (*folders, *map(_packages, named)) if path.is_absolute() and path.is_dir()]


def _packages(program: Path) -> Path:
    """The outermost `node_modules` above a program, or the folder that it is really in."""
    found = program.resolve()
    return next((above for above in reversed(found.parents) if above.name == "node_modules"), found.parent)


def _confined(found: sandbox.Sandbox, confinement: sandbox.Confinement) -> Launch:
    async def launch(
        *,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        run_folder: Path,
        timeout: float | None = None,
        grace: float = 2.0,
        stdin: Stdin = None,
        on_error: Callable[[str], None] | None = None,
    ) -> ProcessLike:
        return await processes.launch(
            argv=found.wrap(argv, confinement),
            cwd=cwd,
            env=env,
            run_folder=run_folder,
            timeout=timeout,
            grace=grace,
            stdin=stdin,
            on_error=on_error,
        )

    return launch
