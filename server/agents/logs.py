"""Files that take whatever a program says, and stay small."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from server.files import open_to_append

MEGABYTE = 1024 * 1024


class BoundedLog:
    """A file that is appended to, at once and unbuffered, until it is large.

    What comes after the first `head` bytes is kept in memory as far as it is among the last `tail` bytes, and
    written at the end below a line that says how much is missing: the beginning and the end tell most.
    """

    def __init__(self, path: Path, *, head: int = 9 * MEGABYTE, tail: int = MEGABYTE) -> None:
        self._file = open_to_append(path)
        self._room = max(0, head - os.fstat(self._file.fileno()).st_size)
        self._limit = tail
        self._tail: deque[bytes] = deque()
        self._held = 0
        self.cut = 0

    @property
    def full(self) -> bool:
        """Whether its beginning is written, so that of what comes only the end will be kept."""
        return self._room == 0

    def write(self, data: bytes) -> None:
        """Takes `data`; ignored after `close`."""
        if self._file.closed:
            return
        head, rest = data[: self._room], data[self._room :]
        if head:
            self._file.write(head)
            self._room -= len(head)
        if rest:
            self._hold(rest)

    def say(self, text: str) -> None:
        """The same for text."""
        self.write(text.encode("utf-8", "replace"))

    def close(self) -> None:
        """Writes the end that was held back, and closes the file."""
        if self._file.closed:
            return
        if self.cut:
            self._file.write(f"\n[… {self.cut} bytes left out here …]\n".encode())
        self._file.write(b"".join(self._tail))
        self._tail.clear()
        self._file.close()

    def _hold(self, data: bytes) -> None:
        self.cut += max(0, len(data) - self._limit)
        data = data[-self._limit :]
        self._tail.append(data)
        self._held += len(data)
        while self._held > self._limit:
            oldest = self._tail.popleft()
            spare = self._held - self._limit
            if len(oldest) > spare:
                self._tail.appendleft(oldest[spare:])
                oldest = oldest[:spare]
            self._held -= len(oldest)
            self.cut += len(oldest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
