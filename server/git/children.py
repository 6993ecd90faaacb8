"""Processes that a thread waits for, git first of all: each leads a session of its own, and none outlives the server.

A server that stops ends them (`stop`); one that is killed has a keeper that does (`kept`).
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from server.git import keeper

GRACE = 1.0  # seconds between SIGTERM, upon which git takes its locks away, and SIGKILL


@dataclass(eq=False)
class _Child:
    number: int
    patience: float
    process: subprocess.Popen[bytes] | None = None  # until it is started


_children: set[_Child] = set()
_keeper: subprocess.Popen[bytes] | None = None
_numbers = itertools.count(1)
_changed = threading.Condition()

Start = Callable[[Mapping[str, str]], subprocess.Popen[bytes]]


@contextmanager
def kept() -> Iterator[None]:
    """While it lasts, this process's death ends what it waits for, too: even by SIGKILL."""
    global _keeper
    argv = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid())]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=pipe, stdout=nowhere, stderr=nowhere, cwd="/", start_new_session=True) as _keeper:
        try:
            yield
        finally:
            stop()
            with _changed:
                _keeper = None


@contextmanager
def waited_for(start: Start, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that the caller waits for. Whatever breaks that off ends it, with all it started.

    Args:
        start: Starts it, as the leader of a session, with what it is given on top of its environment.
        patience: Seconds that it gets to end by itself when the server stops or is killed meanwhile.
    """
    child = _Child(next(_numbers), patience)
    with _changed:
        _children.add(child)
    _tell(f"? {child.number} {patience}")
    try:
        process = start({keeper.MARK: f"{os.getpid()}.{child.number}"})
        with _changed:
            child.process = process
            _changed.notify_all()
        _tell(f"+ {child.number} {process.pid}")
        try:
            yield process
        except BaseException:
            _abandon(process)
            raise
    finally:
        with _changed:
            _children.discard(child)
            _changed.notify_all()
        _tell(f"- {child.number}")


def _abandon(process: subprocess.Popen[bytes]) -> None:
    end([process])
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):  # what was not written yet
                stream.close()


def _tell(line: str) -> None:
    with _changed:
        if _keeper and _keeper.stdin:
            with suppress(OSError):  # it was killed; this process goes on without
                os.write(_keeper.stdin.fileno(), f"{line}\n".encode())


def stop() -> None:
    """The server stops: ends all of them, each once its patience is over; blocks until they are gone.

    From any thread. Those who wait for them hear of a process that was ended by a signal.
    """
    began = time.monotonic()
    ended: set[_Child] = set()
    while waiting := _started() - ended:
        first = min(child.patience for child in waiting)
        due = {child for child in waiting if child.patience == first}
        _wait([child.process for child in due if child.process], began + first)
        end([child.process for child in due & _started() if child.process])
        ended |= due


def _started() -> set[_Child]:
    """Those that somebody waits for; one that is just being started is waited for."""
    with _changed:
        _changed.wait_for(lambda: all(child.process for child in _children), timeout=GRACE)
        return {child for child in _children if child.process}


def end(processes: Collection[subprocess.Popen[bytes]], grace: float = GRACE) -> None:
    """SIGTERM, and after `grace` seconds SIGKILL; for all that they started."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _wait(processes, time.monotonic() + grace)
    for process in processes:
        _signal(process, signal.SIGKILL)


def _wait(processes: Collection[subprocess.Popen[bytes]], until: float) -> None:
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the session that it leads; what it started may outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
