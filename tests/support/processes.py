"""Watching processes in tests: by events of the kernel, never by sleeping and hoping."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from server.engine import runner
from tests.support.speed import here

T = TypeVar("T")

PATIENCE = 30.0  # seconds that something is waited for which comes at once on an idle machine


def alive(pid: int) -> bool:
    """Whether `pid` still executes (a dead process that nobody has collected does not)."""
    return runner.running(pid)


def wait_gone(pids: Iterable[int], seconds: float = 5.0) -> None:
    """Blocks until none of `pids` executes any more; fails when that takes longer than `seconds` of an idle machine."""
    began = time.monotonic()
    for pid in pids:
        with _watched(pid) as descriptor:
            if descriptor is None:
                continue
            ended = _ends(descriptor, began + seconds) or _ends(descriptor, began + here(seconds))
            assert ended, f"process {pid} is still there: {_command_line(pid)}"


def _ends(descriptor: int, deadline: float) -> bool:
    return bool(select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0])


def wait_for(path: Path, seconds: float = PATIENCE) -> str:
    """Blocks until a program under test has written `path` to the end of a line; its text."""
    return wait_until(lambda: _whole(path), f"{path} was not written", seconds)


def wait_until(check: Callable[[], T | None], otherwise: str, seconds: float = PATIENCE) -> T:
    """Asks again and again until `check` answers something true; for what the kernel has no event for."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.002)
    return answer


def carrying(variable: str) -> list[int]:
    """All processes that execute with `NAME=value` in the environment that they were started with."""
    wanted = variable.encode()
    found = []
    for pid in runner.processes():
        with suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and alive(pid):
                found.append(pid)
    return found


@contextmanager
def _watched(pid: int) -> Iterator[int | None]:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _whole(path: Path) -> str | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    return text if text.endswith("\n") else None


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
