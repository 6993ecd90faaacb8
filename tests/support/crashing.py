"""Engines that die as by kill -9 at a named point, each in a process of its own, forked from one that has all imported.

`python -m tests.support.crashing` reads orders, one line of JSON each: the folder, the place to die at (module,
function, "before" or "after"), what a person asks for meanwhile (a service's module and function, and its arguments),
and perhaps another place, with what is done there in a shell. It answers each with a line once that engine is dead.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 60  # seconds until an engine that does not get to its place is given up


class Nursery:
    """Starts engines that die, from `__enter__` to `__exit__`."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crashing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        return self

    def die(
        self,
        folder: Path,
        place: str,
        ask: tuple[str, dict[str, Any]] | None = None,
        before: tuple[str, str] | None = None,
    ) -> None:
        """Have an engine on the data in `folder` die at `place`; returns when it is dead.

        Args:
            place: "module function when", `when` being "before" or "after" the function's first call.
            ask: "module function" and arguments of what a person does once the engine runs.
            before: Another place, and a shell command that is run there.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), place, ask, before]) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == f"{-signal.SIGKILL}\n", f"the engine did not die at {place}"

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        self._process.stdout.close()


def main() -> None:
    importlib.import_module("tests.support.house")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live_and_die(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _live_and_die(folder: str, place: str, ask: list[Any] | None, before: list[str] | None) -> None:
    from tests.support.house import house_in

    signal.alarm(PATIENCE)
    try:
        arm(place, lambda: os.kill(os.getpid(), signal.SIGKILL))
        if before:
            arm(before[0], _once(before[1]))
        with house_in(Path(folder)) as house:
            if ask:
                module, function = ask[0].split()
                getattr(importlib.import_module(module), function)(house.narrows, **ask[1])
            signal.pause()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _once(command: str) -> Callable[[], None]:
    left = [command]

    def act() -> None:
        if left:
            subprocess.run(left.pop(), shell=True, check=True, stdout=subprocess.DEVNULL)

    return act


def arm(place: str, act: Callable[[], None]) -> None:
    """Have `act` happen where the function is called by its module's name for it."""
    module, function, when = place.split()
    home = importlib.import_module(module)
    plain = getattr(home, function)
    early, late = (act, _nothing) if when == "before" else (_nothing, act)

    @functools.wraps(plain)
    async def later(*args: Any, **kwargs: Any) -> Any:
        early()
        answer = await plain(*args, **kwargs)
        late()
        return answer

    @functools.wraps(plain)
    def now(*args: Any, **kwargs: Any) -> Any:
        early()
        answer = plain(*args, **kwargs)
        late()
        return answer

    setattr(home, function, later if inspect.iscoroutinefunction(plain) else now)


def _nothing() -> None:
    """Where nothing is planned."""


if __name__ == "__main__":
    main()
