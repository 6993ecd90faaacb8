"""A team's branch on a server: landings are pushed there, others push too, it is protected one day, and it is away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.project import Project
from server.domain.states import ChangeState, LandingState
from server.git.remotes import Unreachable
from server.services import agents, changes, landings, projects, reviews, tasks, undos
from tests.services.workshop import Workshop
from tests.support import invariants
from tests.support.crashing import Nursery
from tests.support.house import House, house_in, narrows_in
from tests.support.remotes import Remote, calls, false_program, false_ssh, served
from tests.support.repositories import Repository

AGENT = "import os, pathlib; n = os.environ['NARROWS_TASK']; pathlib.Path(f'made-{n}.txt').open('a').write(f'{n}\\n')"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"README.md": "# Project\n", "notes.txt": "one\n"})


@pytest.fixture
def remote(repository: Repository, tmp_path: Path) -> Iterator[Remote]:
    """Reached by HTTP, with a password that a credential helper of the user's knows."""
    remote = Remote.of(repository)
    remote.git("config", "http.receivepack", "true")
    with served(tmp_path, "http", password="secret") as root:
        repository.git("remote", "set-url", "origin", f"{root}/origin.git")
        helper = "!f() { test $1 = get && echo username=ada && echo password=secret; }; f"
        repository.git("config", "credential.helper", helper)
        yield remote


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as house:
        yield house


@pytest.fixture
def project(house: House, repository: Repository, remote: Remote) -> Project:
    agents.add(house.narrows, "maker", "command", [sys.executable, "-c", AGENT])
    return projects.register(house.narrows, str(repository.path), remote="origin", checks=["test -f README.md"])


def made(house: House, project: Project, title: str = "Make it") -> Change:
    return house.waits(tasks.file(house.narrows, project_id=project.id, title=title, agent="maker"))


def back(house: House, change: Change) -> Change:
    """The change once it is on the desk again."""

    def look() -> Change | None:
        found = changes.get(house.narrows, change.id)
        return found if found.state is ChangeState.IN_REVIEW else None

    return house.until(look)


def test_a_team_pushes_and_every_landing_arrives_on_top(
    house: House, project: Project, repository: Repository, remote: Remote, tmp_path: Path
) -> None:
    remote.commit("a colleague's", "theirs\n")
    change = made(house, project)

    house.landed(landings.land(house.narrows, change.id, revision=1))
    assert remote.log() == ["Make it", "a colleague's", "first"]
    assert (repository.head, repository.status()) == (remote.tip(), [])

    # Somebody is quicker while the checks run: it is built and proven anew on theirs.
    second, gate = made(house, project, "Make another"), tmp_path / "gate"
    os.mkfifo(gate)
    projects.configure(house.narrows, project.id, checks=[f"if test -p {gate}; then cat {gate}; fi"])
    begun = landings.land(house.narrows, second.id, revision=1)
    with gate.open("w"):
        gate.unlink()
        remote.commit("quicker", "quicker\n", name="quicker.txt")
    landed = house.landed(begun)
    assert landed.tries == 2
    assert remote.log() == ["Make another", "quicker", "Make it", "a colleague's", "first"]
    assert landed.commit == remote.tip() == repository.head

    # And it can be taken back: there, and here.
    undos.ask(house.narrows, landed.id)
    house.landed(landed, LandingState.UNDONE)
    assert remote.log() == ["quicker", "Make it", "a colleague's", "first"]
    assert (repository.head, repository.status()) == (remote.tip(), [])


def test_the_branch_is_protected_one_day_and_pull_requests_begin(
    house: House,
    project: Project,
    repository: Repository,
    remote: Remote,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remote.hook(
        "update", 'test "$1" != refs/heads/main || { echo "main is protected: open a pull request." >&2; exit 1; }'
    )
    change = made(house, project, "Say it louder")
    landings.land(house.narrows, change.id, revision=1)
    change = back(house, change)
    assert "main is protected: open a pull request." in change.note
    assert "let the project open pull requests instead" in change.note

    # The host knows the repository as ada/engine, and its program is here.
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada/engine.git").symlink_to(remote.path)
    repository.git("remote", "set-url", "origin", "git@github.com:ada/engine.git")
    repository.git("config", "core.sshCommand", str(false_ssh(tmp_path)))
    link = "https://github.com/ada/engine/pull/1"
    script = f'test "$2" = list && test -f {tmp_path}/open && echo \'[{{"url": "{link}"}}]\' && exit\n'
    script += f'test "$2" = create && touch {tmp_path}/open && echo {link}\ntrue'
    gh = false_program(tmp_path / "bin", "gh", script)
    monkeypatch.setenv("PATH", f"{gh.parent}:/usr/bin:/bin")
    projects.configure(house.narrows, project.id, pull_requests=True)

    landing = house.landed(landings.land(house.narrows, change.id, revision=1))
    topic = f"narrows/{change.id}-say-it-louder"
    assert (landing.topic, landing.pull_request, landing.note) == (topic, link, "")
    assert (remote.log(topic), remote.log()) == (["Say it louder", "first"], ["first"])

    # A colleague asks for more: the change comes back, its agent goes on, and the same pull request has the rest.
    undos.ask(house.narrows, landing.id)
    house.landed(landing, LandingState.UNDONE)
    reviews.request_changes(house.narrows, change.id, revision=1, message="Louder still.")
    change = house.waits(tasks.get(house.narrows, change.task_id))
    again = house.landed(landings.land(house.narrows, change.id, revision=2, message="Say it louder still"))
    assert (again.topic, again.pull_request) == (topic, link)
    assert remote.log(topic) == ["Say it louder still", "first"]
    assert [call[1] for call in calls(gh.parent, "gh")] == ["list", "create", "list"]
    assert repository.log() == ["first"]


def test_the_server_is_away_and_comes_back(
    house: House, project: Project, repository: Repository, remote: Remote
) -> None:
    change = made(house, project)
    away = remote.path.with_name("away.git")
    remote.path.rename(away)
    made(house, project, "Made without a network")
    with pytest.raises(Unreachable, match="origin can't be reached"):
        landings.land(house.narrows, change.id, revision=1)
    assert changes.get(house.narrows, change.id).state is ChangeState.IN_REVIEW
    away.rename(remote.path)
    house.landed(landings.land(house.narrows, change.id, revision=1))
    assert remote.log() == ["Make it", "first"]


# Killed

PLACES = {
    "about to push": "server.git.remotes push before",
    "pushed": "server.git.remotes push after",
    "known in the mirror": "server.git.mirrors bring after",
    "local branch about to follow": "server.git.merges move before",
    "local files switched": "server.git.moves _swap before",
    "local branch followed": "server.git.merges move after",
    "written down": "server.services.landings move after",
}
ASKING = {
    "pushed": PLACES["pushed"],
    "asked for": "server.services.pull_requests opened after",
}


def killed(folder: Path, nursery: Nursery, place: str, **wishes: object) -> tuple[Repository, Remote]:
    """A landing whose engine dies at that place."""
    repository = Repository.make(folder)
    remote = Remote.of(repository)
    repository.write("mine.txt", "not committed\n")
    with narrows_in(folder) as narrows:
        project = projects.register(narrows, str(repository.path), remote="origin", checks=["true"], **wishes)
        Workshop(narrows, project).change({"said.txt": "said\n"})
    nursery.die(folder, place, ("server.services.landings land", {"change_id": 1, "revision": 1}))
    return repository, remote


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("then", ["", "and somebody pushes on top"])
def test_a_push_arrives_once_and_the_record_agrees(tmp_path: Path, nursery: Nursery, place: str, then: str) -> None:
    repository, remote = killed(tmp_path, nursery, place)
    log = remote.log()
    if then:
        remote.commit("on top", "theirs\n")
    with house_in(tmp_path) as house:
        landing = house.landed(landings.get(house.narrows, 1))
    with narrows_in(tmp_path) as narrows:
        invariants.check(narrows)
    if place == PLACES["about to push"]:
        assert (log, remote.log()) == (["first"], ["Say it", *(["on top"] if then else []), "first"])
    else:
        assert (log, remote.log()) == (["Say it", "first"], [*(["on top"] if then else []), "Say it", "first"])
    assert (repository.head, repository.status(), landing.note) == (landing.commit, ["?? mine.txt"], "")
    repository.git("fsck", "--strict")


@pytest.mark.parametrize("place", ASKING.values(), ids=ASKING.keys())
def test_a_pull_request_is_asked_for_after_a_crash(tmp_path: Path, nursery: Nursery, place: str) -> None:
    repository, remote = killed(tmp_path, nursery, place, pull_requests=True)
    with house_in(tmp_path) as house:
        landing = house.landed(landings.get(house.narrows, 1))
    assert remote.tip(landing.topic) == landing.commit
    assert remote.branches() == ["main", landing.topic]
    assert (remote.log(), repository.log()) == (["first"], ["first"])
    assert landing.note == f"{landing.topic} is on origin; open the pull request into main there."
