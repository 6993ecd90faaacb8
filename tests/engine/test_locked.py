"""Another git is at work in the user's repository when something is to be moved: it is waited for, and not long."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from watchdog.observers import Observer

from server.domain.states import LandingState
from server.engine import lander
from server.engine.watching import gone
from tests.engine.test_lander import Shop
from tests.support.house import House
from tests.support.repositories import Repository, environment

LOCKS = ("index.lock", "refs/heads/main.lock", "HEAD.lock")


@pytest.fixture
def shop(house: House, repository: Repository, tmp_path: Path) -> Shop:
    return Shop(house, repository, tmp_path / "gate")


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as the engine waits for a lock to go."""
    met = threading.Event()

    async def noted(file: Path, within: float) -> None:
        met.set()
        await gone(file, within)

    monkeypatch.setattr(lander, "gone", noted)
    return met


@pytest.mark.parametrize("name", LOCKS)
def test_a_landing_arrives_once_the_lock_is_gone(shop: Shop, met: threading.Event, name: str) -> None:
    change, lock = shop.change(), shop.repository.path / ".git" / name
    lock.touch()
    landing = shop.start(change)
    assert met.wait(30)
    lock.unlink()
    assert shop.over(landing).state is LandingState.LANDED
    assert shop.repository.log() == ["Say it", "first"]
    assert shop.repository.status() == []


def test_what_the_user_commits_meanwhile_comes_first(shop: Shop, met: threading.Event) -> None:
    """Their git holds the lock until they have written their message."""
    change = shop.change()
    editor = shop.gate.with_name("editor")
    os.mkfifo(editor)
    shop.repository.write("notes.txt", "one\ntwo\n")
    env = environment(shop.repository.home) | {"GIT_EDITOR": f"cat {editor} >"}
    with subprocess.Popen(["git", "commit", "-q", "-a"], cwd=shop.repository.path, env=env) as commit:
        message = os.open(editor, os.O_WRONLY)  # opens once git has begun to wait for it
        landing = shop.start(change)
        assert met.wait(30)
        os.write(message, b"by hand\n")
        os.close(message)
        assert commit.wait(30) == 0
    assert shop.over(landing).state is LandingState.LANDED
    assert shop.repository.log() == ["Say it", "by hand", "first"]
    assert shop.repository.status() == []


def test_taking_back_waits_as_well(shop: Shop, met: threading.Event) -> None:
    landing = shop.over(shop.start(shop.change()))
    lock = shop.repository.path / ".git/index.lock"
    lock.touch()

    def remove() -> None:
        assert met.wait(30)
        lock.unlink()

    removing = threading.Thread(target=remove)
    removing.start()
    assert shop.undone(landing).state is LandingState.UNDONE
    removing.join()
    assert shop.repository.log() == ["first"]


def test_a_lock_that_stays_is_named_and_nothing_moved(
    shop: Shop, met: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lander, "LOCKED", 0.2)
    change, lock = shop.change(), shop.repository.path / ".git/index.lock"
    lock.touch()
    landing = shop.over(shop.start(change))
    assert landing.state is LandingState.FAILED
    assert landing.error == (
        f"Another git process is at work in the repository ({lock} exists). "
        "Wait for it to end, or remove the file if none is running; then land again."
    )
    assert met.is_set()
    assert (shop.repository.log(), lock.exists()) == (["first"], True)
    lock.unlink()
    assert shop.over(shop.start(shop.back(change))).state is LandingState.LANDED


def waiting(file: Path, within: float, then: Callable[[], object]) -> float:
    """How long a file is waited for, of which `then` happens meanwhile."""

    async def wait() -> float:
        began = asyncio.get_running_loop().time()
        task = asyncio.create_task(gone(file, within))
        await asyncio.sleep(0)
        await asyncio.to_thread(then)
        await task
        return asyncio.get_running_loop().time() - began

    return asyncio.run(wait())


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "where nothing can be watched"])
def test_a_file_is_waited_for_until_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: bool) -> None:
    def refused(_: object) -> None:
        raise OSError(28, "no more watches")

    if not watched:
        monkeypatch.setattr(Observer, "start", refused)
    lock, moved = tmp_path / "index.lock", tmp_path / "index"
    assert waiting(lock, 60, lambda: None) < 60, "it is not there"
    lock.touch()
    assert waiting(lock, 60, lock.unlink) < 60
    lock.touch()
    assert waiting(lock, 60, lambda: lock.rename(moved)) < 60
    lock.touch()
    assert waiting(lock, 0.2, lambda: None) >= 0.2
