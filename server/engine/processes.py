"""Starting and ending programs: every one of them under its own runner (see `runner.py`).

Works in any event loop in any thread: nothing here relies on signals or on asyncio's child watchers.
"""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from server.agents.logs import BoundedLog
from server.domain.errors import NarrowsError
from server.engine import runner
from server.engine.leftovers import MARKER, held, mark, reap

__all__ = [
    "PIPE",
    "CannotStart",
    "Command",
    "Exit",
    "Process",
    "held",
    "launch",
    "mark",
    "reap",
    "run_to_file",
    "start",
    "stop_all",
]

PIPE: Final = "pipe"
STREAM_LIMIT = 16 * 1024 * 1024  # bytes of one line of a program's output
CHUNK = 64 * 1024
LAST_WORDS = 2.0  # seconds for output that is still in a pipe when its writers are gone

Stdin = bytes | Path | Literal["pipe"] | None


class CannotStart(NarrowsError):
    """The program, or its folder, can't be used."""

    status = 500
    code = "cannot_start"


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, and how.

    `env` is the whole environment, apart from the mark that Narrows adds. `run_folder` must exist; it holds the
    lock, the identity and `stderr.log`. `timeout` and `grace` (between SIGTERM and SIGKILL) are in seconds. `stdin`
    is the bytes or the file to read, PIPE for a stream to write to, or None for nothing.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    run_folder: Path
    timeout: float | None = None
    grace: float = 2.0
    stdin: Stdin = None


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: exit code (minus the signal, if one ended it), why, and after how many seconds.

    `lost` says that its runner was killed from outside, so that nobody saw the program's own end.
    """

    code: int
    timed_out: bool
    stopped: bool
    seconds: float
    lost: bool = False


class Process:
    """A running program: its streams, its end. Made by `start`."""

    def __init__(
        self,
        command: Command,
        pid: int,
        supervisor: subprocess.Popen[bytes],
        status: asyncio.StreamReader,
        stdin: asyncio.StreamWriter | None,
        stdout: asyncio.StreamReader,
        output: asyncio.BaseTransport,
        stderr: asyncio.Task[None] | None,
        undo: contextlib.ExitStack,
    ) -> None:
        self.command = command
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._supervisor = supervisor
        self._output = output
        self._stderr = stderr
        self._began = time.monotonic()
        self._undo = undo
        self._end = asyncio.ensure_future(self._follow(status))
        self._end.add_done_callback(self._end_with_loop)

    async def wait(self) -> Exit:
        """The end of the program and of all that it started. Output may be left to read."""
        return await asyncio.shield(self._end)

    async def stop(self, grace: float | None = None) -> Exit:
        """Ends the program: SIGTERM, `grace` seconds (the command's own by default), SIGKILL for all of it."""
        self.ask_to_stop(grace)
        return await self.wait()

    def ask_to_stop(self, grace: float | None = None) -> None:
        """The same without waiting, from any thread."""
        _ask_to_stop(self._supervisor, grace)

    def close(self) -> None:
        """Lets go of the streams, read to their end or not."""
        self._output.close()
        if self.stdin:
            self.stdin.close()

    def _end_with_loop(self, following: asyncio.Future[Exit]) -> None:
        # Nobody else cancels it: the loop ends, and with it everything that was started in it.
        if following.cancelled():
            self._undo.close()

    async def _follow(self, status: asyncio.StreamReader) -> Exit:
        line = (await status.read()).split()
        _forget(self._supervisor)
        if line[:1] == [b"exited"]:
            end = Exit(int(line[1]), line[2] == b"1", line[3] == b"1", float(line[4]))
        else:
            await asyncio.to_thread(reap, self.command.run_folder)
            end = Exit(-9, False, False, time.monotonic() - self._began, lost=True)
        if self.stdin:
            self.stdin.close()
        if self._stderr:
            await asyncio.wait([self._stderr], timeout=LAST_WORDS)
            self._stderr.cancel()
        return end


_live: dict[subprocess.Popen[bytes], Path] = {}  # runners, with the folders of their runs
_live_lock = threading.Lock()


async def start(command: Command, on_error: Callable[[str], None] | None = None) -> Process:
    """Starts `command`; what it writes to standard error goes to `stderr.log` in its run folder, bounded, and
    `on_error` hears each line of its standard error.

    Raises:
        CannotStart: no such program or folder, or another program still holds the run folder.
    """
    return await _start(command, merge=False, on_error=on_error)


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
) -> Process:
    """`start` in the form that agents ask for (`server.agents.protocol.Launch`)."""
    return await start(Command(tuple(argv), cwd, env, run_folder, timeout, grace, stdin), on_error)


async def run_to_file(
    command: Command, log: Path, on_line: Callable[[str], None] | None = None, *, limit: int = 10 * 1024 * 1024
) -> Exit:
    """Runs `command` to its end with both its outputs in the file `log`, of which the middle is left out if it is
    larger than `limit` bytes. `on_line` hears the newest line now and then. Cancelling stops the program.

    Raises:
        CannotStart: as `start` does.
    """
    with BoundedLog(log, head=limit * 9 // 10, tail=limit // 10) as file:
        process = await _start(command, merge=True)
        output = asyncio.ensure_future(_pump(process.stdout, file, on_line))
        try:
            end = await process.wait()
            await asyncio.wait([output], timeout=LAST_WORDS)
            return end
        finally:
            output.cancel()
            process.close()
            await asyncio.shield(process.stop())


def stop_all(within: float = 3.0) -> None:
    """Ends all programs of this server, at the same time; blocks until they are gone, at most `within` seconds.

    May be called from any thread, also when the loop that started them is gone.
    """
    with _live_lock:
        live = dict(_live)
    deadline = time.monotonic() + within
    for supervisor in live:
        _ask_to_stop(supervisor, grace=within / 3)
    for supervisor, run_folder in live.items():
        try:
            supervisor.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            supervisor.kill()
            reap(run_folder)


async def _start(command: Command, *, merge: bool, on_error: Callable[[str], None] | None = None) -> Process:
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as given:
        source, into = _stdin(command.stdin, given, undo)
        out_of, stdout = _pipe(given, undo)
        errors, stderr = (None, stdout) if merge else _pipe(given, undo)
        order = {
            "argv": list(command.argv),
            "cwd": str(command.cwd),
            "env": {**command.env, MARKER: mark(command.run_folder)},
            "folder": str(command.run_folder),
            "timeout": command.timeout,
            "grace": command.grace,
            "stdin": source,
            "stdout": stdout,
            "stderr": stderr,
        }
        supervisor = _spawn_runner({source, stdout, stderr})
        undo.callback(_abandon, supervisor)
        given.close()
        _send_order(supervisor, order)
        with _live_lock:
            _live[supervisor] = command.run_folder
        assert supervisor.stdout is not None
        status, _ = await _reader(supervisor.stdout, undo)
        pid = _started(command, await status.readline())
        reading, output = await _reader(out_of, undo)
        writing = await _writer(into, undo) if into else None
        log = asyncio.ensure_future(_log_errors(await _reader(errors, undo), command, on_error)) if errors else None
        return Process(command, pid, supervisor, status, writing, reading, output, log, undo.pop_all())


def _spawn_runner(inherited: set[int]) -> subprocess.Popen[bytes]:
    # Only what the interpreter itself may need: the program's environment travels in the order.
    env = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", runner.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        pass_fds=tuple(inherited),
        env=env,
        cwd="/",
        start_new_session=True,
    )


def _send_order(supervisor: subprocess.Popen[bytes], order: Mapping[str, object]) -> None:
    assert supervisor.stdin is not None
    data = marshal.dumps(dict(order))
    view = memoryview(len(data).to_bytes(8, "big") + data)
    while view:
        view = view[supervisor.stdin.write(view) :]


def _started(command: Command, line: bytes) -> int:
    word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
    if word == "started":
        return int(rest)
    if rest == "busy":
        raise CannotStart("Another program still works in this run's folder.", "Stop it first.")
    raise CannotStart(f"{command.argv[0]} could not be started: {rest or 'its runner ended at once'}.")


def _abandon(supervisor: subprocess.Popen[bytes]) -> None:
    """Ends a runner that nobody will follow: the end of its control pipe tells it to clean up."""
    for stream in (supervisor.stdin, supervisor.stdout):
        if stream:
            stream.close()
    threading.Thread(target=_forget, args=(supervisor,), daemon=True).start()


def _ask_to_stop(supervisor: subprocess.Popen[bytes], grace: float | None) -> None:
    assert supervisor.stdin is not None
    with contextlib.suppress(OSError, ValueError):  # it has ended already
        supervisor.stdin.write(b"stop\n" if grace is None else f"stop {grace}\n".encode())


def _forget(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.wait()
    with _live_lock:
        _live.pop(supervisor, None)
    if supervisor.stdin:
        supervisor.stdin.close()


def _pipe(given: contextlib.ExitStack, undo: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    reading, writing = os.pipe()
    given.callback(os.close, writing)
    return undo.enter_context(os.fdopen(reading, "rb", buffering=0)), writing


def _stdin(wanted: Stdin, given: contextlib.ExitStack, undo: contextlib.ExitStack) -> tuple[int, IO[bytes] | None]:
    """The descriptor that the program reads, and our end of it if there is one."""
    if wanted == PIPE:
        reading, writing = os.pipe()
        given.callback(os.close, reading)
        return reading, undo.enter_context(os.fdopen(writing, "wb", buffering=0))
    if isinstance(wanted, bytes):
        # A file and not a pipe: the program may read all of it or nothing, and nobody has to wait for that.
        file = given.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        file.write(wanted)
        file.seek(0)
        return file.fileno(), None
    return given.enter_context(Path(wanted or os.devnull).open("rb")).fileno(), None


async def _reader(pipe: IO[bytes], undo: contextlib.ExitStack) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=STREAM_LIMIT, loop=loop)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), pipe)
    undo.callback(transport.close)
    return reader, transport


async def _writer(pipe: IO[bytes], undo: contextlib.ExitStack) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), loop=loop)
    transport, _ = await loop.connect_write_pipe(lambda: protocol, pipe)
    undo.callback(transport.close)
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def _log_errors(
    stderr: tuple[asyncio.StreamReader, asyncio.BaseTransport],
    command: Command,
    on_line: Callable[[str], None] | None,
) -> None:
    reader, transport = stderr
    try:
        with BoundedLog(command.run_folder / "stderr.log") as log:
            await _pump(reader, log, on_line, each=True)
    finally:
        transport.close()


async def _pump(
    source: asyncio.StreamReader,
    log: BoundedLog,
    on_line: Callable[[str], None] | None = None,
    *,
    each: bool = False,
) -> None:
    """Write a stream down; `on_line` hears each line of it, or the newest now and then."""
    partial = b""
    while data := await source.read(CHUNK):
        log.write(data)
        if on_line:
            *lines, partial = (partial[-CHUNK:] + data).split(b"\n")
            telling = [line for line in lines if line.strip()]
            for line in telling if each else telling[-1:]:
                on_line(line.decode("utf-8", "replace").strip())
    if on_line and partial.strip():
        on_line(partial.decode("utf-8", "replace").strip())
