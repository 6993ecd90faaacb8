"""The small program that outlives a killed server, to end what it waited for: see `children.py`.

Started by file path as `python -I -S keeper.py PID`, one per server, whose number that is. Standard input tells of
processes that lead a session, each by a number: `? NUMBER SECONDS` before it is there, `+ NUMBER PID` after that,
`- NUMBER` once it is gone. The input's end means that the server is gone. Whatever is left then gets SIGTERM when its
seconds are over, upon which git takes its locks away, and SIGKILL a while later.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

MARK = "NARROWS_CHILD"  # in its environment: the server and the number, for one that the server had no time to name
GRACE = 2.0  # seconds between the two signals
PAUSE = 0.02


class Child:
    """A process that may have to be ended."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.pid = 0
        self.asked = False

    def end(self, passed: float) -> bool:
        """Does what is due so long after the server's end. Whether there is no more to do."""
        late = passed - self.seconds
        if late > GRACE:
            if self.pid:
                self._signal(signal.SIGKILL)
            return True
        if late >= 0 and self.pid and not self.asked:
            self.asked = True
            return not self._signal(signal.SIGTERM)
        return bool(self.pid) and not self._signal(0)

    def _signal(self, number: int) -> bool:
        """Whether there was anybody to hear it."""
        try:
            os.killpg(self.pid, number)
        except OSError:
            return False
        return True


def listen(lines: Iterable[str]) -> dict[str, Child]:
    """What is left at the end of the lines, by its number."""
    left: dict[str, Child] = {}
    for line in lines:
        kind, number, *rest = line.split()
        if kind == "?":
            left[number] = Child(float(rest[0]))
        elif kind == "+":
            left[number].pid = int(rest[0])
        else:
            left.pop(number, None)
    return left


def end(left: dict[str, Child], server: str) -> None:
    """Ends them; returns when they are gone, or got a SIGKILL."""
    began = time.monotonic()
    while left:
        for number, child in list(left.items()):
            child.pid = child.pid or _marked(f"{MARK}={server}.{number}")
            if child.end(time.monotonic() - began):
                del left[number]
        time.sleep(PAUSE)


def _marked(mark: str) -> int:
    """The process that leads a session and has that in its environment; 0 where there is none."""
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208 (light to start)
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                if name.isdigit() and mark.encode() in file.read().split(b"\0") and os.getsid(int(name)) == int(name):
                    return int(name)
        except OSError:
            continue
    return 0


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # who ends the server this way means no other process
        signal.signal(each, signal.SIG_IGN)
    end(listen(sys.stdin), sys.argv[1])
