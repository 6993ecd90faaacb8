"""Agents that attack Narrows from their worktrees: nothing of theirs is started, written outside, hidden or waited for.

Real agents in real runs of a real server; what they leave is read on the page and as a patch, and then lands.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.domain.base import shown
from tests.git.hostile import ATTACKS, FILES, Attack, Ground
from tests.support import invariants
from tests.support.house import narrows_in
from tests.support.repositories import Repository
from tests.support.server import Server

ENDED = ("in_review", "needs_attention")
MEMORY = 1 << 30  # bytes that a server may take at most, whatever an agent leaves

TARGET_MOVED = """
git("add", "-A"); git("commit", "-q", "-m", "mine")
(mirror / "refs/heads/main").write_text(git("rev-parse", "HEAD").decode())
(mirror / "info/exclude").write_text("*\\n")
write("after.txt")
"""
FLOOD = """
for folder in range(100):
    first = write(f"many/{folder}/0.txt", f"{folder}\\n")
    for number in range(1, 1000):
        os.link(first, first.with_name(f"{number}.txt"))
"""
MOUNTAIN = """
with open(here / "mountain.bin", "wb") as file:
    file.truncate(2 << 30)
"""


class Siege:
    """A server, and agents that attack it, each from a project of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder / "data", env={"NARROWS_BUDGET": "0"}).start()
        self.made = 0

    def attack(self, code: str, checks: Sequence[str] = ("test -f work.txt",)) -> Aftermath:
        """What became of one attacker's task."""
        self.made += 1
        place = self.folder / str(self.made)
        place.mkdir()
        repository = Repository.make(place, files=FILES)
        ground = Ground(place / "ground")
        post = self.server.post
        agent = f"attacker-{self.made}"
        post("/api/agents", {"name": agent, "family": "command", "argv": [sys.executable, *ground.argv(code)]})
        project = post("/api/projects", {"path": str(repository.path), "name": agent, "checks": checks})
        task = post("/api/tasks", {"project_id": project["id"], "title": "Do honest work", "agent": agent})
        change = self.server.until(lambda: self._ended(task["id"]))
        return Aftermath(self.server, repository, ground, change)

    def _ended(self, task: int) -> dict[str, Any] | None:
        made = self.server.get(f"/api/tasks/{task}")["changes"]
        return next((change for change in made if change["state"] in ENDED), None)


class Aftermath:
    """What an attacker left: its change, as scripts and readers get it."""

    def __init__(self, server: Server, repository: Repository, ground: Ground, change: dict[str, Any]) -> None:
        self.server, self.repository, self.ground = server, repository, ground
        self.change: dict[str, Any] = server.get(f"/api/changes/{change['id']}")
        self.settings = (repository.path / ".git/config").read_bytes()
        self.base = repository.head

    def names(self) -> set[str]:
        """As the page shows them."""
        page = self.text(f"/changes/{self.change['id']}")
        return {html.unescape(name) for name in re.findall(r"<h3>(?:.*→ )?<bdi>(.*?)</bdi></h3>", page, re.S)}

    def patch(self) -> bytes:
        assert self.server.http is not None
        return self.server.http.get(f"/api/changes/{self.change['id']}/revisions/1.patch").content

    def text(self, path: str) -> str:
        assert self.server.http is not None
        answer = self.server.http.get(path, headers={"Accept": "text/html"})
        assert answer.is_success, answer.text
        return answer.text

    def lands(self) -> dict[str, Any]:
        """The landing, once it is over; every warning is acknowledged."""
        path = f"/api/changes/{self.change['id']}/landing"
        assert self.server.http is not None
        answer = self.server.http.post(path, json={"revision": 1})
        if answer.status_code == 409:
            hashes = [warning["hash"] for warning in answer.json()["warnings"]]
            answer = self.server.http.post(path, json={"revision": 1, "acknowledge": hashes})
        assert answer.is_success, answer.text
        number = answer.json()["id"]

        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = self.server.get(f"/api/landings/{number}")
            return found if found["state"] in ("landed", "failed") else None

        return self.server.until(over)

    def expect_untouched(self) -> None:
        self.ground.expect_untouched()
        assert self.repository.status() == []
        assert (self.repository.path / ".git/config").read_bytes() == self.settings
        assert not (self.repository.path / ".git/hooks").exists()
        assert self.repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


@contextmanager
def laid(folder: Path) -> Iterator[Siege]:
    siege = Siege(folder)
    try:
        yield siege
    finally:
        siege.server.stop()
    with narrows_in(folder) as narrows:
        invariants.check(narrows)


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    with laid(tmp_path_factory.mktemp("siege")) as siege:
        yield siege


@pytest.mark.parametrize("name", ATTACKS)
def test_a_real_agent_attacks(siege: Siege, name: str) -> None:
    attack = ATTACKS[name]
    left = siege.attack(attack.code)
    if attack.refused:
        assert left.change["state"] == "needs_attention"
        assert re.search(attack.refused, left.change["note"]), left.change["note"]
    else:
        read(left, attack)
        landed(left, attack)
    left.expect_untouched()


def read(left: Aftermath, attack: Attack) -> None:
    """All that changed is on the page and in the patch, which makes exactly the revision of the base."""
    assert left.change["state"] == "in_review", left.change["note"]
    names = left.names()
    assert {"work.txt", *map(shown, attack.sees)} <= names
    assert not names.intersection(map(shown, attack.hides))
    text = left.patch()
    assert all(line in text.splitlines() for line in attack.lines)
    [revision] = left.server.get(f"/api/changes/{left.change['id']}/revisions")
    assert applied(left.repository, text) == revision["tree"]


def applied(repository: Repository, text: bytes) -> str:
    """The tree that the patch makes of the user's commit, in a clone."""
    repository.git("clone", "-q", "--no-checkout", ".", str(repository.path.with_name("clone")))
    clone = Repository(repository.path.with_name("clone"), repository.home)
    clone.git("read-tree", "HEAD")
    clone.git("apply", "--cached", "--whitespace=nowarn", input=text)
    return clone.git("write-tree")


def landed(left: Aftermath, attack: Attack) -> None:
    landing = left.lands()
    if attack.stays:
        assert landing["state"] == "failed"
        assert attack.stays in landing["error"]
        assert left.repository.head == left.base
    else:
        assert landing["state"] == "landed", landing["error"]
        assert left.repository.head == landing["commit"]
        assert (left.repository.path / "work.txt").read_text() == "work\n"


def test_a_target_that_an_agent_moved_in_the_mirror_hides_nothing(siege: Siege) -> None:
    left = siege.attack(TARGET_MOVED)
    read(left, Attack("", sees=("after.txt",)))
    landed(left, Attack(""))
    left.expect_untouched()


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_hundred_thousand_files_are_read_like_any_others(tmp_path: Path) -> None:
    with laid(tmp_path) as siege:
        left = siege.attack(FLOOD, checks=())
        [revision] = siege.server.get(f"/api/changes/{left.change['id']}/revisions")
        assert revision["files"] == 100_001
        assert "many/99/999.txt" in left.text(f"/changes/{left.change['id']}")
        left.expect_untouched()
        assert most_memory(siege.server) < MEMORY


@pytest.mark.alone
def test_a_file_of_two_gigabytes_is_named_and_never_read(tmp_path: Path) -> None:
    with laid(tmp_path) as siege:
        left = siege.attack(MOUNTAIN)
        assert left.change["state"] == "needs_attention"
        assert "2,147 MB of them in 'mountain.bin': more than the 100 MB that a revision holds" in left.change["note"]
        left.expect_untouched()
        assert most_memory(siege.server) < MEMORY


def most_memory(server: Server) -> int:
    """The most that the server's process had in memory so far."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
