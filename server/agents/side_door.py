"""A named pipe that a program takes for its log file: what it says there is heard at once, and written nowhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CHUNK = 64 * 1024  # bytes
LINE_LIMIT = 64 * 1024  # bytes of a line that is kept


class SideDoor:
    """Listens at `path`, which it makes, until it is closed; `hear` gets each line. Belongs to the running loop."""

    def __init__(self, path: Path, hear: Callable[[str], None]) -> None:
        self.path = path
        self._hear = hear
        self._partial = b""
        with suppress(FileNotFoundError):
            path.unlink()
        os.mkfifo(path, 0o600)
        # Open for both: so there is no end when the program, which may open it again, closes it.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pipe, self._read)

    def close(self) -> None:
        """Takes the pipe away."""
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            *lines, self._partial = (self._partial + os.read(self._pipe, CHUNK)).split(b"\n")
            self._partial = self._partial[-LINE_LIMIT:]
            for line in lines:
                self._hear(line.decode("utf-8", "replace"))
