"""The project's own command lines (setup, checks), each run to its end, its limit, or a person's stop."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from server.domain.project import Project
from server.engine import processes
from server.engine.processes import Command, Exit


class Stopped(Exception):
    """A person stopped it; it has no result."""


async def run_line(
    line: str,
    *,
    project: Project,
    tree: Path,
    env: dict[str, str],
    folder: Path,
    log: Path,
    stop: asyncio.Event | None = None,
) -> Exit:
    """Run a shell command line in a worktree, both its outputs in the file `log`.

    Args:
        project: Gives the time limit.
        folder: The run folder of its process; made when it is not there.
        stop: Ends it when set.

    Raises:
        Stopped: `stop` was set.
        CannotStart: The worktree is not there, or something still runs in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = Command(("/bin/sh", "-c", line), tree, env, folder, timeout=project.check_minutes * 60.0)
    running = asyncio.ensure_future(processes.run_to_file(command, log))
    stopping = asyncio.ensure_future(stop.wait() if stop else asyncio.Event().wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise Stopped
    finally:
        stopping.cancel()
        if not running.done():
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
