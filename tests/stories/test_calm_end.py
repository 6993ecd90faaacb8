"""Ctrl-C at every moment: it ends soon and without a fuss, nothing outlives it, and the next start goes on with what
was under way.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from server.domain.states import ChangeState, LandingState
from server.services import changes, forecasts, landings
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support import gates, invariants
from tests.support.gates import Shop
from tests.support.house import narrows_in
from tests.support.processes import alive, wait_gone, wait_until
from tests.support.server import Server
from tests.support.speed import here

pytestmark = pytest.mark.alone

SIGNALS = [signal.SIGINT, signal.SIGTERM]
PROMISED = 3.0  # seconds until everything that runs has ended
STARTING = 10.0  # more of them, where the start has to come to its end first
LINE = "Stopped. What was under way goes on at the next start."
GREETING = ("Narrows is at", "Ctrl-C stops.")
SLOW_GIT = """#!/bin/sh
case "$*" in *merge-tree*) if test -p {gate}; then cat {gate}; fi;; esac
exec {git} "$@"
"""


@pytest.fixture(params=SIGNALS, ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> signal.Signals:
    found: signal.Signals = request.param
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def stops_calmly(server: Server, number: signal.Signals = signal.SIGINT, within: float = PROMISED) -> int:
    """It takes no longer than promised, nothing is left then, and it has nothing to say but its one line."""
    started = psutil.Process(server.pid).children(recursive=True)
    began = time.monotonic()
    code = server.stop(number)
    assert time.monotonic() - began < here(within)
    assert not [process for process in started if process.is_running() and alive(process.pid)]
    said = [line for line in server.last_words.splitlines() if not line.startswith(GREETING)]
    log = server.data / "logs/narrows.log"
    complaints = [line for line in (log.read_text() if log.exists() else "").splitlines() if " INFO " not in line]
    assert (said, complaints) == ([LINE] if code == 0 else [], [])
    return code


def begin(server: Server, gate: Path, order: Callable[[], object]) -> int:
    """What was ordered is begun by the server and stands at the gate; it does until what is answered is closed."""
    os.mkfifo(gate)
    order()
    server.start()
    held = os.open(gate, os.O_WRONLY)  # waits for the reader
    gate.unlink()
    return held


def goes_on(server: Server, held: int, look: Callable[[Narrows], bool]) -> None:
    """After the next start it comes to what is looked for, and then everything agrees."""
    os.close(held)
    server.start()
    with narrows_in(server.data.parent) as narrows:
        server.until(lambda: look(narrows) or None)
        assert stops_calmly(server) == 0
        invariants.check(narrows)


def becomes(state: ChangeState) -> Callable[[Narrows], bool]:
    return lambda narrows: all(each.state is state for each in changes.every(narrows))


def changed(narrows: Narrows, shop: Shop) -> None:
    """A change waits, and its target has moved on."""
    Workshop(narrows, shop.project).change({"said.txt": "said\n"})
    shop.repository.commit("meanwhile", {"other.txt": "other\n"})


MOMENTS = ("", "lock", "narrows.db", "engine.db", "engine.db-wal", "server.json")  # files that are there by then


@pytest.mark.parametrize("moment", range(len(MOMENTS)), ids=lambda moment: MOMENTS[moment] or "at once")
def test_in_its_first_second(server: Server, moment: int) -> None:
    number = SIGNALS[(moment + 1) % len(SIGNALS)]  # at once SIGTERM: what a shell runs behind starts deaf to SIGINT
    server.spawn()
    wait_until((server.data / MOMENTS[moment]).exists, f"{MOMENTS[moment]} was not written", seconds=60)
    assert stops_calmly(server, number, STARTING) in (0, 130, -number)
    with server:
        assert server.get("/api/desk")["working"] == 0


@pytest.mark.parametrize("moment", gates.MOMENTS)
def test_while_a_run_is_at(server: Server, tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with narrows_in(tmp_path) as narrows:
        shop = Shop(narrows, tmp_path)
        held = begin(server, shop.gate(moment), shop.file)
    assert stops_calmly(server, number) == 0
    goes_on(server, held, becomes(ChangeState.IN_REVIEW))


def test_while_a_landing_is_proven(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    with narrows_in(tmp_path) as narrows:
        shop = Shop(narrows, tmp_path)
        changed(narrows, shop)
        held = begin(server, shop.gate("checks"), lambda: landings.land(narrows, 1, revision=1))
    assert stops_calmly(server, number) == 0
    goes_on(server, held, becomes(ChangeState.LANDED))
    assert shop.repository.log() == ["Say it", "meanwhile", "first"]


@pytest.mark.parametrize("killed", [False, True], ids=["", "and it is killed"])
def test_while_a_forecast_is_made_and_git_hangs(server: Server, tmp_path: Path, killed: bool) -> None:
    gate, git = tmp_path / "gate", shutil.which("git")
    assert git
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin/git"
    slow.write_text(SLOW_GIT.format(gate=shlex.quote(str(gate)), git=shlex.quote(git)))
    slow.chmod(0o755)
    server.env["PATH"] = f"{slow.parent}{os.pathsep}{os.environ['PATH']}"
    with narrows_in(tmp_path) as narrows:
        shop = Shop(narrows, tmp_path)
        held = begin(server, gate, lambda: changed(narrows, shop))
    if killed:
        started = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        wait_gone([process.pid for process in started])
    else:
        assert stops_calmly(server) == 0
    goes_on(server, held, lambda narrows: forecasts.outlooks(narrows, shop.project.id)[1].known)


def test_while_a_remote_does_not_answer(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    with narrows_in(tmp_path) as narrows, socket.create_server(("127.0.0.1", 0)) as silent:
        shop = Shop(narrows, tmp_path)
        shop.repository.git("remote", "add", "origin", f"git://127.0.0.1:{silent.getsockname()[1]}/project")
        change = Workshop(narrows, shop.project).change({"said.txt": "said\n"})
        landing = landings.land(narrows, change.id, revision=1)
        with narrows.transaction() as db:
            landing.remote = "origin"  # nobody could have clicked while it does not answer
            db.merge(landing)
        server.start()
        connection, _ = silent.accept()
        with connection:
            assert stops_calmly(server, number) == 0
        assert landings.get(narrows, landing.id).state is LandingState.RUNNING
