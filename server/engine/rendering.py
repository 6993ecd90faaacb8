"""Preparing what will be read, in the background: nothing waits for it, and nothing is lost with it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

import server
from server.domain.errors import NarrowsError
from server.engine import processes
from server.engine.processes import Command, Process
from server.engine.workplace import Workplace
from server.services import renderings

FOLDERS = {"prepare": "rendering", "examine": "examining", "survey": "surveying"}  # where its process keeps its lock
LIGHT = 60_000  # bytes that are prepared in this process: starting another one takes longer
IDLE = 20.0  # seconds after which a process that has nothing to do is ended
NEEDED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Prepare each new revision, an agent's or a person's, until cancelled."""
    helper = Helper(place, "prepare")
    try:
        with place.narrows.bus.subscribe("revision") as signals:
            while (batch := await signals.batch(IDLE if helper.runs else None)) is not None:
                if not batch:
                    await helper.stop()
                revised = [one.data for one in batch if (one.topic, one.verb) == ("revision", "revised")]
                for change_id in dict.fromkeys(data["change_id"] for data in revised):
                    await _prepare(place, helper, change_id)
    finally:
        await helper.stop()


async def _prepare(place: Workplace, helper: Helper, change_id: int) -> None:
    """Whatever goes wrong here, the page makes what it needs."""
    try:
        if await asyncio.to_thread(renderings.weight, place.narrows, change_id) <= LIGHT:
            await asyncio.to_thread(renderings.prepare_change, place.narrows, change_id)
        else:
            await helper.order(change_id)
    except NarrowsError as error:
        log.warning("change %s could not be prepared: %s", change_id, error)
    except Exception:
        log.exception("change %s could not be prepared", change_id)


class Helper:
    """A process of its own for what takes long, started when there is something to do. One change at a time.

    `deed` is what it does with each: "prepare" or "examine"; or "survey", with a project.
    """

    def __init__(self, place: Workplace, deed: str) -> None:
        self._settings = place.narrows.settings
        self._deed = deed
        self._process: Process | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None

    async def order(self, number: int) -> bool:
        """Returns when it is done, or the process is gone: whether it was done."""
        if self._process is None:
            self._process = await self._start()
            place = {"data": str(self._settings.data), "database": self._settings.database_url}
            self._write(json.dumps(place))
        self._write(f"{self._deed} {number}")
        answer = (await self._process.stdout.readline()).decode().strip()
        if not answer:
            await self.stop()
        if answer != "done":
            log.warning("%s %s: %s", self._deed, number, answer or "the process has ended")
        return answer == "done"

    async def stop(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            try:
                await asyncio.shield(process.stop(grace=0.5))
            finally:
                process.close()

    def _write(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def _start(self) -> Process:
        folder = self._settings.data / FOLDERS[self._deed]
        folder.mkdir(mode=0o700, exist_ok=True)
        here = str(Path(server.__file__).parent.parent)
        env = {name: os.environ[name] for name in NEEDED if name in os.environ} | {"PYTHONPATH": here}
        argv = (sys.executable, "-P", "-m", "server.engine.renderer")
        return await processes.start(Command(argv, Path("/"), env, folder, stdin=processes.PIPE))
