"""A branch that moves in the user's repository is heard of at once, however it moves, and nothing else is."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from watchdog.observers.api import BaseObserver

from server.engine import watching
from server.engine.watching import Watch
from tests.support.repositories import Repository

WITHIN = 10  # seconds; what is heard is heard at once, however busy the machine


class Ears:
    """A watch, and what it told so far."""

    def __init__(self) -> None:
        self.told: queue.Queue[int] = queue.Queue()
        self.watch = Watch(self.told.put)

    def hears(self, number: int) -> bool:
        """Waits for news of that project; what was told before is forgotten."""
        return self.told.get(timeout=WITHIN) == number

    def forget(self) -> None:
        while not self.told.empty():
            self.told.get_nowait()


@pytest.fixture
def ears() -> Iterator[Ears]:
    made = Ears()
    with made.watch:
        yield made


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path)


def silent(ears: Ears, repository: Repository) -> bool:
    """Whether nothing was told until now: a move is told after whatever came before it."""
    repository.git("update-ref", "refs/heads/last", repository.head)
    first = ears.told.get(timeout=WITHIN)
    return first == 1 and ears.told.empty()


@pytest.mark.parametrize(
    "move",
    [
        ["commit", "--allow-empty", "-m", "again"],
        ["branch", "other"],
        ["branch", "deep/er"],
        ["update-ref", "refs/heads/main", "HEAD~1"],
        ["branch", "-d", "old"],
        ["branch", "-m", "old", "new"],
        ["reset", "--hard", "HEAD~1"],
    ],
    ids=" ".join,
)
def test_a_move_is_heard(ears: Ears, repository: Repository, move: list[str]) -> None:
    repository.commit("two")
    repository.branch("old")
    ears.watch.keep({1: repository.path})
    repository.git(*move)
    assert ears.hears(1)


def test_a_branch_among_the_packed_ones_is_heard(ears: Ears, repository: Repository) -> None:
    repository.branch("old")
    repository.git("pack-refs", "--all")
    ears.watch.keep({1: repository.path})
    repository.git("branch", "-D", "old")
    assert ears.hears(1)


def test_a_commit_in_another_worktree_is_heard(ears: Ears, repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    ears.watch.keep({1: tmp_path / "beside"})
    repository.commit("in the main one")
    assert ears.hears(1)


def test_reading_and_work_in_progress_are_no_moves(ears: Ears, repository: Repository) -> None:
    ears.watch.keep({1: repository.path})
    repository.write("file", "x\n")
    repository.git("add", "file")
    repository.git("status")
    repository.git("log", "main")
    repository.git("rev-parse", "main")
    repository.git("tag", "a-tag")
    repository.git("stash")
    assert silent(ears, repository)


def test_only_what_is_kept_is_heard(ears: Ears, repository: Repository, tmp_path: Path) -> None:
    other = Repository.make(tmp_path, "other")
    ears.watch.keep({1: repository.path, 2: other.path})
    ears.watch.keep({2: other.path})
    repository.commit("unheard")
    other.commit("heard")
    assert ears.hears(2)


def test_a_repository_in_the_place_of_another_is_watched_in_its_turn(
    ears: Ears, repository: Repository, tmp_path: Path
) -> None:
    ears.watch.keep({1: repository.path})
    shutil.rmtree(repository.path)
    ears.watch.keep({1: repository.path})
    again = Repository.make(tmp_path)
    ears.watch.keep({1: again.path})
    ears.forget()
    again.commit("two")
    assert ears.hears(1)


def test_what_is_gone_or_no_repository_fails_nothing(ears: Ears, repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "empty/.git").mkdir(parents=True)
    ears.watch.keep({1: tmp_path / "gone", 2: tmp_path / "empty", 3: repository.path})
    repository.commit("two")
    assert ears.hears(3)


def test_where_the_system_has_no_room_for_a_watch_nothing_fails(
    ears: Ears, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(BaseObserver, "schedule", full)
    ears.watch.keep({1: repository.path})
    assert ears.told.empty()


def test_with_nothing_to_watch_there_is_no_thread() -> None:
    before = threading.active_count()
    with Ears().watch as watch:
        watch.keep({})
        assert threading.active_count() == before


@pytest.mark.alone
def test_it_sleeps_until_something_moves(ears: Ears, repository: Repository) -> None:
    """No thread of the watch is woken while nothing moves: the kernel counts it."""
    before = {thread.id for thread in psutil.Process().threads()}
    ears.watch.keep({1: repository.path})
    own = {thread.id for thread in psutil.Process().threads()} - before
    assert own
    repository.commit("awake")
    assert ears.hears(1)
    threading.Event().wait(0.7)  # the library holds a rename back for half a second
    begun = {thread: switches(thread) for thread in own}
    threading.Event().wait(2)  # nothing is what is waited for
    assert {thread: switches(thread) for thread in own} == begun


def switches(thread: int) -> int:
    """How often a thread of this process has gone to sleep so far."""
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_the_folders_of_a_repository_with_a_table_of_refs(tmp_path: Path) -> None:
    """git keeps refs in a folder `reftable`, where it was told to (git 2.45)."""
    for name in ("refs/heads", "reftable"):
        (tmp_path / name).mkdir(parents=True)
    assert [folder.name for folder, _, _ in watching._folders(tmp_path)] == ["heads", tmp_path.name, "reftable"]
