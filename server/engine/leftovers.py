"""What an earlier server, or a runner that was killed, may have left of a run: finding it, and ending it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from server.engine import runner
from server.files import open_to_read

MARKER = "NARROWS_RUN"


def held(run_folder: Path) -> bool:
    """Whether a program of this run, or its runner, is still there."""
    try:
        lock = os.open(run_folder / "lock", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def reap(run_folder: Path, *, within: float = 5.0) -> int:
    """Kills what an earlier server, or a runner that was killed, left of a run.

    That is: the process whose recorded number, start time and boot match, every process that carries the run's mark
    in its environment, every holder of its lock, and all their descendants. Answers how many there were.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + within
    while (left := _leftovers(run_folder)) and time.monotonic() < deadline:
        everyone = {*left, *runner.freeze(left)}
        killed.update(filter(runner.running, everyone))
        runner.kill(everyone)
        time.sleep(0.005)
    return len(killed)


def mark(run_folder: Path) -> str:
    """What the environment of this run's processes says under NARROWS_RUN."""
    return hashlib.sha256(os.fsencode(run_folder.resolve())).hexdigest()[:24]


def _leftovers(run_folder: Path) -> list[int]:
    found = {*_recorded(run_folder), *_marked(mark(run_folder)), *_holders(run_folder / "lock")}
    return [pid for pid in found - set(_self_and_ancestors()) if runner.running(pid)]


def _recorded(run_folder: Path) -> Iterator[int]:
    try:
        file = open_to_read(run_folder / "process.json")
        if file is None:
            return
        with file:
            record = json.loads(file.read(4096))
        if record["boot"] != runner.boot_id():
            return
        known = [(record["pid"], record["start"]), (record["runner"], record["runner_start"])]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for pid, began in known:
        # A number is reused, but never together with the moment of its start.
        if isinstance(pid, int) and began and runner.start_time(pid) == began:
            yield pid


def _marked(token: str) -> Iterator[int]:
    wanted = f"{MARKER}={token}".encode()
    for pid in runner.processes():
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                yield pid


def _holders(lock: Path) -> Iterator[int]:
    wanted = str(lock.resolve())
    for pid in runner.processes():
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) == wanted for link in Path(f"/proc/{pid}/fd").iterdir()):
                yield pid


def _self_and_ancestors() -> Iterator[int]:
    pid: int | None = os.getpid()
    while pid:
        yield pid
        pid = runner.parent(pid)
