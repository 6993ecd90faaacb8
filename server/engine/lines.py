"""The project's own command lines (setup, checks), each run to its end, its limit, or a person's stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from server.domain.project import Project
from server.engine import processes
from server.engine.processes import Command, Exit

GENTLY = ("nice", "-n", "19")


class Stopped(Exception):
    """A person stopped it; it has no result."""


async def call_off(task: asyncio.Future[Any]) -> None:
    """Cancel a task, and wait for its end. Who waits can be cancelled as well, and then hears of that."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


async def done_before(stop: asyncio.Event | None, task: asyncio.Future[Any]) -> None:
    """Wait for a task, which goes on whatever happens here.

    Raises:
        Stopped: `stop` was set before it was done.
    """
    stopping = asyncio.ensure_future(stop.wait() if stop else asyncio.Event().wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Stopped
    finally:
        stopping.cancel()


async def run_line(
    line: str,
    *,
    project: Project,
    tree: Path,
    env: dict[str, str],
    folder: Path,
    log: Path,
    stop: asyncio.Event | None = None,
    gently: bool = False,
) -> Exit:
    """Run a shell command line in a worktree, both its outputs in the file `log`.

    Args:
        project: Gives the time limit.
        folder: The run folder of its process; made when it is not there.
        stop: Ends it when set.
        gently: With the lowest priority: nobody waits for it.

    Raises:
        Stopped: `stop` was set.
        CannotStart: The worktree is not there, or something still runs in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = (*(GENTLY if gently else ()), "/bin/sh", "-c", line)
    command = Command(argv, tree, env, folder, timeout=project.check_minutes * 60.0)
    running = asyncio.ensure_future(processes.run_to_file(command, log))
    try:
        await done_before(stop, running)
        return running.result()
    finally:
        if not running.done():
            await call_off(running)
