"""No git that somebody waits for outlives the server, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.domain.errors import NarrowsError
from server.git import children, keeper, remotes
from server.git.commands import run
from tests.support.processes import wait_for, wait_gone, wait_until
from tests.support.repositories import Repository
from tests.support.server import CHECKOUT
from tests.support.speed import here

SERVER = """
import sys
from pathlib import Path
from server.git import children
from server.git.commands import as_user, run
git_dir, how, script = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if how == "not named yet":
    plain = children._tell
    children._tell = lambda line: line[0] == "+" or plain(line)
with children.kept():
    if how == "as the user":
        as_user(git_dir, "-c", f"alias.wait=!{script}", "wait")
    else:
        run(git_dir, "-c", f"alias.wait=!{script}", "wait", timeout=1, whole=how == "whole")
"""


def script(folder: Path, *, deaf: bool = False, then: str = "sleep 600") -> str:
    """Writes down the processes of a git that hangs: its own shell, and what that started."""
    trap = "trap '' TERM; " if deaf else ""
    return f"{trap}sleep 600 & echo $$ $! > {folder}/pids; {then}"


@contextmanager
def waiting(repository: Repository, command: str, **how: object) -> Iterator[list[NarrowsError]]:
    """A thread that waits for git, and at last for what it was told."""
    heard: list[NarrowsError] = []

    def wait() -> None:
        try:
            run(repository.path / ".git", "-c", f"alias.wait=!{command}", "wait", **how)  # type: ignore[arg-type]
        except NarrowsError as error:
            heard.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    yield heard
    thread.join()


@pytest.mark.parametrize("deaf", [False, True], ids=["", "deaf to SIGTERM"])
def test_a_stop_ends_what_hangs_with_all_it_started(repository: Repository, tmp_path: Path, deaf: bool) -> None:
    with waiting(repository, script(tmp_path, deaf=deaf)) as heard:
        pids = [int(pid) for pid in wait_for(tmp_path / "pids").split()]
        children.stop()
        wait_gone(pids, seconds=0.5)
    assert heard


def test_a_stop_lets_what_is_better_whole_come_to_its_end(repository: Repository, tmp_path: Path) -> None:
    gate, done = tmp_path / "gate", tmp_path / "done"
    os.mkfifo(gate)
    with waiting(repository, f"cat {gate}; touch {done}", whole=True) as heard:
        descriptor = os.open(gate, os.O_WRONLY)
        stopping = threading.Thread(target=children.stop)
        stopping.start()
        os.close(descriptor)
        stopping.join()
        assert done.exists()
    assert not heard


def test_a_remote_that_never_answers_is_not_waited_for(repository: Repository) -> None:
    heard: list[NarrowsError] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        repository.git("remote", "add", "origin", f"git://127.0.0.1:{silent.getsockname()[1]}/project")

        def ask() -> None:
            try:
                remotes.fetch(repository.path, repository.path / ".git", "origin", "main")
            except NarrowsError as error:
                heard.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        connection, _ = silent.accept()
        began = time.monotonic()
        children.stop()
        thread.join()
        assert time.monotonic() - began < here(2 * children.GRACE)
        connection.close()
    assert heard


@contextmanager
def killed(argv: list[str]) -> Iterator[None]:
    """A server that is killed at the end."""
    with subprocess.Popen(argv, cwd=CHECKOUT) as server:
        yield
        server.kill()


@pytest.mark.parametrize("how", ["as the user", "by itself", "whole", "not named yet"])
@pytest.mark.parametrize("deaf", [False, True], ids=["", "deaf to SIGTERM"])
def test_a_server_that_is_killed_leaves_none(repository: Repository, tmp_path: Path, how: str, deaf: bool) -> None:
    command = script(tmp_path, deaf=deaf)
    argv = [sys.executable, "-c", textwrap.dedent(SERVER), str(repository.path / ".git"), how, command]
    with killed(argv):
        pids = [int(pid) for pid in wait_for(tmp_path / "pids").split()]
    wait_gone(pids)


def test_git_takes_its_locks_away_when_the_server_is_killed(repository: Repository, tmp_path: Path) -> None:
    """Git itself gets SIGTERM and not SIGKILL: a lock that stays would be in the way of the user's own git."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    repository.git("config", "filter.slow.clean", f"cat {gate}")
    repository.write(".gitattributes", "*.txt filter=slow\n")
    repository.write("new.txt", "new\n")
    code = SERVER.replace('"-c", f"alias.wait=!{script}", "wait"', '"add", "new.txt"')
    with killed([sys.executable, "-c", code, str(repository.path), "as the user", ""]):
        descriptor = os.open(gate, os.O_WRONLY)  # opens once git is at the filter
        lock = repository.path / ".git/index.lock"
        assert lock.exists()
    wait_until(lambda: not lock.exists(), "the lock is still there")
    os.close(descriptor)


def test_a_keeper_knows_what_is_left() -> None:
    left = keeper.listen(["? 1 0.0\n", "+ 1 12\n", "? 2 1.0\n", "- 1\n", "? 3 600\n", "+ 3 14\n"])
    assert {number: (child.seconds, child.pid) for number, child in left.items()} == {"2": (1.0, 0), "3": (600.0, 14)}


def test_a_keeper_leaves_when_nothing_is_left_and_ctrl_c_is_not_meant_for_it() -> None:
    with children.kept():
        it = children._keeper
        assert it is not None
        wait_until(lambda: _ignores(it.pid, signal.SIGTERM), "it is not ready")
        for number in (signal.SIGINT, signal.SIGTERM):
            it.send_signal(number)
        assert it.poll() is None
    assert it.returncode == 0


def _ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigIgn:")[2].split()[0], 16) >> (number - 1) & 1)
