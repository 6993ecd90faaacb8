"""What an agent says while it works, passed on to whoever watches: at once, but never faster than an eye can follow."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any

from server.agents.protocol import Update
from server.domain.base import now as moment
from server.domain.run import Run
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.git import worktrees
from server.services import runs

TELL_EVERY = 0.25  # seconds between two lines shown
KEEP_EVERY = 5.0  # seconds between two lines written to the database
QUIET_AFTER = 300.0  # seconds without a word, after which an agent is said to be quiet
LOOK_EVERY = 3.0  # seconds between two looks at which files differ
log = logging.getLogger(__name__)


class Listener:
    """Hears one turn. Used as a context: at its end the last line is kept."""

    def __init__(self, place: Workplace, run: Run, room: Room) -> None:
        self._place, self._run, self._room = place, run, room
        self._line = ""
        self._heard = time.monotonic()
        self._told = self._kept = self._looked = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet = False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Listener:
        self._listen_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        if self._line:
            self._later(asyncio.to_thread(runs.remember_line, self._place.narrows, self._run.id, self._line))

    def hear(self, update: Update) -> None:
        """Pass one line on."""
        if not update.text:
            return
        self._line, now = update.text, time.monotonic()
        self._heard = now
        if self._quiet:
            self._quiet = False
            self._later(asyncio.to_thread(runs.fall_quiet, self._place.narrows, self._run.id, None))
            self._listen_on()
        if now - self._told >= TELL_EVERY:
            self._told = now
            runs.hear(self._place.narrows, self._run.id, self._line, self._run.change_id)
        if now - self._kept >= KEEP_EVERY:
            self._kept = now
            self._later(asyncio.to_thread(runs.remember_line, self._place.narrows, self._run.id, self._line))
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._later(self._look())

    def meet(self, session: str) -> None:
        """Keep the name of the conversation, so that it outlives a crash."""
        self._later(asyncio.to_thread(runs.converse, self._place.narrows, self._run.id, session))

    def _listen_on(self) -> None:
        """Look again when the agent would have been quiet for too long, had it not spoken since."""
        self._timer = asyncio.get_running_loop().call_later(
            QUIET_AFTER - (time.monotonic() - self._heard), self._wonder
        )

    def _wonder(self) -> None:
        if self._place.asking[self._run.id]:  # it is not the agent's turn to speak
            self._heard = time.monotonic()
        silence = time.monotonic() - self._heard
        if silence < QUIET_AFTER:
            self._listen_on()
            return
        self._quiet = True
        since = moment() - timedelta(seconds=silence)
        self._later(asyncio.to_thread(runs.fall_quiet, self._place.narrows, self._run.id, since))

    async def _look(self) -> None:
        narrows, room = self._place.narrows, self._room
        found = await asyncio.to_thread(worktrees.touched, narrows.mirror(room.project.id), room.tree, room.base)
        await asyncio.to_thread(runs.touch, narrows, self._run.id, found, self._run.change_id)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("run %s: %s", self._run.id, error)
