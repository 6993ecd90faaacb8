"""The small program between the server and everything that it starts: no process outlives its run.

Started by file path as `python -I -S runner.py`, one per program. Standard input is the line to the server: it
carries the order (see `read_order`), then `stop` lines, and its end means that the server is gone. Standard output
carries what happened, one line each: `started PID`, `refused WHY` or `exited CODE TIMED_OUT STOPPED SECONDS`.

Only the standard library, and little of it: a runner is there for every agent, and has to be light and quick.
"""

# Pathlib and contextlib would double the start-up time:
# ruff: noqa: PTH105, PTH110, PTH123, PTH208, SIM105
from __future__ import annotations

import fcntl
import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

    Order = Mapping[str, Any]

CONTROL, STATUS = 0, 1
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
PERSISTENCE = 30.0  # seconds after which processes that even SIGKILL does not end (stuck in a driver) are given up
MOST_ROUNDS = 20  # of looking for processes that are still being started
LINUX = sys.platform == "linux"


# What /proc tells


def start_time(pid: int) -> int | None:
    """The clock tick since boot at which `pid` started, or None when there is no such process.

    Together with the boot's id it names a process for good: a number alone is reused.
    """
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def boot_id() -> str:
    """The kernel's name for the time since it was started; empty where it has none."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def children(pid: int) -> list[int]:
    """The processes that `pid`'s threads started or adopted, dead but uncollected ones included."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as listing:
                found += map(int, listing.read().split())
    except FileNotFoundError:
        if os.path.exists(f"/proc/{pid}") and not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return [child for child in processes() if parent(child) == pid]
    except (OSError, ValueError):
        pass
    return found


def processes() -> list[int]:
    """Every process that this user can see; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def running(pid: int) -> bool:
    """Whether `pid` still executes: neither gone nor a dead process that its parent has not collected."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in ("Z", "X")


def parent(pid: int) -> int | None:
    """Who started or adopted `pid`; None when there is no such process."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[str]:
    # The command's name stands in brackets and may hold brackets and blanks itself.
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# Ending processes


def freeze(roots: Iterable[int]) -> list[int]:
    """Stops all processes below `roots`, and answers them.

    Each is stopped before its children are listed, and the kernel lets no fork pass a signal: so the list is whole,
    but for those whose parent ended on the way. They were adopted by now, and another round finds them.
    """
    found: dict[int, None] = {}
    above = list(roots)
    for _ in range(MOST_ROUNDS):
        known = len(found)
        waiting = list(above)
        visited: set[int] = set()
        while waiting:
            for child in children(waiting.pop()):
                if child not in found:
                    _send(os.kill, child, signal.SIGSTOP)
                    found[child] = None
                if child not in visited:
                    visited.add(child)
                    waiting.append(child)
        if len(found) == known:
            break
    return list(found)


def kill(pids: Iterable[int]) -> None:
    """Sends SIGKILL to `pids` and to their process groups, our own group excepted.

    The kernel kills a group as one, with the forks that are under way in it.
    """
    targets = list(pids)
    for group in {_group(pid) for pid in targets} - {None, os.getpgrp()}:
        _send(os.killpg, group, signal.SIGKILL)
    for pid in targets:
        _send(os.kill, pid, signal.SIGKILL)


def _send(how: Callable[[int, int], None], target: int | None, number: signal.Signals) -> None:
    try:
        if target is not None:
            how(target, number)
    except (ProcessLookupError, PermissionError):
        pass


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid) or None
    except (ProcessLookupError, PermissionError):
        return None


# One run


class Run:
    """A program, from its start to the end of the last process that it left."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.pid = 0
        self.status: int | None = None
        self.stopped = False
        self.timed_out = False
        self.ending = False
        self.began = time.monotonic()
        self.deadline = self.began + order["timeout"] if order["timeout"] else None
        self.lock = _take_lock(order["folder"])

    def start(self) -> None:
        """Writes the program's identity to `process.json` and starts it, in this order: none runs unrecorded.

        Raises:
            OSError: the folder or the program could not be used.
        """
        reading, writing = os.pipe()
        gate, opener = os.pipe()
        runner = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            os.close(opener)
            _become(self.order, self.lock, gate, writing, runner)
        os.close(writing)
        os.close(gate)
        for descriptor in {self.order[name] for name in ("stdin", "stdout", "stderr")}:
            os.close(descriptor)
        _write_identity(self.order["folder"], self.pid)
        os.write(opener, b"!")
        os.close(opener)
        with open(reading, "rb") as pipe:
            trouble = pipe.read()
        if trouble:
            os.waitpid(self.pid, 0)
            number, name = marshal.loads(trouble)
            raise OSError(number, os.strerror(number), name)

    def watch(self, wakeup: int) -> None:
        """Waits until the program has ended, or should have; what is left of it is `sweep`'s."""
        poll = select.poll()
        poll.register(CONTROL, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        while self.status is None and not self._overdue():
            for descriptor, _ in poll.poll(_milliseconds_until(self.deadline)):
                if descriptor == wakeup:
                    self._heed(os.read(wakeup, 4096))
                elif not self._obey(os.read(CONTROL, 4096)):
                    poll.unregister(CONTROL)

    def sweep(self) -> None:
        """Kills every descendant until none is left; whoever was orphaned on the way is ours (a subreaper's)."""
        if not LINUX:
            _send(os.killpg, self.pid, signal.SIGKILL)
        end = time.monotonic() + PERSISTENCE
        pause = 0.0005
        while self._collect() and time.monotonic() < end:
            kill(freeze([os.getpid()]))
            if not self._collect():
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)

    def report(self) -> str:
        """The last line for the server: exit code (minus the signal, if one ended it), flags, seconds."""
        code = -signal.SIGKILL if self.status is None else os.waitstatus_to_exitcode(self.status)
        seconds = time.monotonic() - self.began
        return f"exited {code} {self.timed_out:d} {self.stopped:d} {seconds:.3f}"

    def _heed(self, numbers: bytes) -> None:
        self._collect()
        if any(number != signal.SIGCHLD for number in numbers):
            self._stop(self.order["grace"])

    def _obey(self, line: bytes) -> bool:
        """Every word from the server is `stop`, maybe with seconds of grace. Its silence for good means the same."""
        words = line.split()
        self._stop(float(words[-1]) if len(words) > 1 else self.order["grace"])
        return bool(line)

    def _stop(self, grace: float) -> None:
        if not self.timed_out:
            self.stopped = True
        self._terminate(grace)

    def _overdue(self) -> bool:
        """Whether the program's time is up for good: when it is up for the first time, it gets its grace."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        if self.ending:
            return True
        self.timed_out = True
        self._terminate(self.order["grace"])
        return False

    def _terminate(self, grace: float) -> None:
        end = time.monotonic() + grace
        if self.ending and self.deadline is not None:
            self.deadline = min(self.deadline, end)
            return
        self.ending = True
        self.deadline = end
        if self.status is None:
            _send(os.killpg, self.pid, signal.SIGTERM)

    def _collect(self) -> bool:
        """Collects the dead; False when no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status


def _milliseconds_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000 + 1


def _take_lock(folder: str) -> int:
    """Locks the run folder. The program inherits the lock: it is free only when the last holder is gone."""
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _become(order: Order, lock: int, gate: int, trouble: int, runner: int) -> NoReturn:
    """Turns the forked child into the program, once a byte comes through the pipe `gate`.

    What goes wrong is sent up the pipe `trouble`.
    """
    name = order["cwd"]
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != runner:  # it died before the kernel could know that we want to follow it
            os._exit(1)
        if not os.read(gate, 1):
            os._exit(1)
        for source, target in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
            os.dup2(order[source], target)
        os.set_inheritable(lock, True)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and programs would inherit that
            signal.signal(number, signal.SIG_DFL)
        os.chdir(name)
        name = order["argv"][0]
        os.execvpe(name, order["argv"], order["env"])
    except OSError as error:
        os.write(trouble, marshal.dumps((error.errno, name)))
    finally:
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _write_identity(folder: str, pid: int) -> None:
    me = os.getpid()
    fields = f'"pid": {pid}, "start": {start_time(pid) or 0}, "runner": {me}, "runner_start": {start_time(me) or 0}'
    new = f"{folder}/process.json.{me}"
    with open(new, "w", encoding="ascii") as file:
        file.write(f'{{{fields}, "boot": "{boot_id()}"}}\n')
    os.replace(new, f"{folder}/process.json")


def _wake_on_signals() -> int:
    """A pipe's end that gets a byte for each signal: a child's end, or somebody's wish that we end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reading


def read_order() -> Order:
    """The order: its length in 8 bytes (big-endian), then a dictionary as `marshal` writes it.

    Keys: argv, cwd, env, folder, timeout (seconds or None), grace (seconds), and the inherited descriptors
    stdin, stdout and stderr. It comes through the pipe because an environment holds secrets, and arguments are public.
    """
    length = int.from_bytes(_read_exactly(8), "big")
    order: Order = marshal.loads(_read_exactly(length))
    for name in ("stdin", "stdout", "stderr"):
        os.set_inheritable(order[name], False)
    return order


def _read_exactly(length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = os.read(CONTROL, length - len(data))
        if not piece:
            os._exit(1)  # the server died before it had said what to do
        data += piece
    return data


def _tell(line: str) -> None:
    try:
        os.write(STATUS, f"{line}\n".encode())
    except BrokenPipeError:
        pass  # the server is gone, and whoever comes next reads the files


def _refuse(error: OSError) -> None:
    _tell(f"refused {error.strerror}: {error.filename!r}")


def main() -> None:
    """Runs the one program that is ordered on standard input."""
    wakeup = _wake_on_signals()
    order = read_order()
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        run = Run(order)
    except BlockingIOError:
        return _tell("refused busy")
    except OSError as error:
        return _refuse(error)
    try:
        run.start()
    except OSError as error:
        run.sweep()
        os.close(run.lock)
        return _refuse(error)
    _tell(f"started {run.pid}")
    try:
        run.watch(wakeup)
    finally:
        run.sweep()
    return _tell(run.report())


if __name__ == "__main__":
    main()
