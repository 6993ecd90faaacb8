"""The repository's hooks at landings that the engine carries out."""

from __future__ import annotations

import os
from pathlib import Path

from server.domain.states import LandingState
from server.services import landings, projects
from tests.engine.test_lander import Shop
from tests.support.house import house_in
from tests.support.processes import wait_gone
from tests.support.repositories import Repository


def test_a_hook_that_hangs_holds_up_neither_the_landing_nor_the_servers_end(
    repository: Repository, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    repository.write(".git/hooks/post-merge", f"#!/bin/sh\necho $$ > {gate}\nsleep 600\n", executable=True)
    with house_in(tmp_path / "house", budget=0) as house:
        shop = Shop(house, repository, tmp_path / "shop")
        projects.configure(house.narrows, shop.project.id, hooks=True)
        landing = shop.start(shop.change())
        hook = int(gate.read_text())
        landed = shop.over(landing)
        assert landed.state is LandingState.LANDED
        assert landed.commit == repository.head
    wait_gone([hook])


def test_a_hook_that_refuses_a_rebuilt_commit_fails_the_landing_in_its_words(
    repository: Repository, tmp_path: Path
) -> None:
    """A merge's side commit is written anew with each build, and the hook may know better by then."""
    strict = tmp_path / "strict"
    with house_in(tmp_path / "house", budget=0) as house:
        shop = Shop(house, repository, tmp_path / "shop")
        shop.checks(f"test ! -p {tmp_path / 'wait'} || (echo > {tmp_path / 'wait'}; cat {tmp_path / 'wait'})")
        change = shop.change()
        projects.configure(house.narrows, shop.project.id, hooks=True, landing_method="merge")
        repository.write(
            ".git/hooks/commit-msg",
            f"#!/bin/sh\ntest ! -e {strict} || {{ echo Not today.; exit 1; }}\n",
            executable=True,
        )
        repository.commit("meanwhile", {"other.txt": "o\n"})
        os.mkfifo(tmp_path / "wait")
        landing = shop.start(change)
        (tmp_path / "wait").read_text()  # the check is at work
        strict.touch()
        moved = repository.commit("just now", {"another.txt": "a\n"})
        (tmp_path / "wait").write_text("go on")
        failed = shop.over(landing)
        assert failed.state is LandingState.FAILED
        assert failed.error.startswith("The commit-msg hook refused the message: Not today.")
        assert repository.head == moved
        assert landings.get(house.narrows, landing.id).receipt is None
