"""The engine dies as by kill -9 while it checks what a person made. The next start goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.change import Revision
from server.domain.states import CheckState
from server.services import checks, edits, projects, revisions
from tests.services.workshop import Workshop
from tests.support.crashing import Nursery
from tests.support.house import House, house_in, narrows_in
from tests.support.repositories import Repository

PLACES = {
    "written down": "server.services.edits edit after",
    "tree ready": "server.engine.checker check before",
    "check begun": "server.services.checks start after",
    "check over": "server.services.checks end after",
}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def change_id(tmp_path: Path) -> int:
    """A change in review, of a project whose check says each time that it ran."""
    repository = Repository.make(tmp_path)
    with narrows_in(tmp_path) as narrows:
        check = f"echo ran >> {tmp_path}/count; test -f README.md"
        project = projects.register(narrows, str(repository.path), checks=[check])
        return Workshop(narrows, project).change({"said.txt": "said\n"}).id


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_next_start_goes_on(tmp_path: Path, nursery: Nursery, change_id: int, place: str) -> None:
    edit = {"change_id": change_id, "revision": 1, "path": "said.txt", "text": "by hand\n"}
    nursery.die(tmp_path, place, ask=("server.services.edits edit", edit))
    with house_in(tmp_path) as house:
        passed(house, revisions.get(house.narrows, change_id, 2))
    assert len((tmp_path / "count").read_text().splitlines()) in (1, 2)


def test_what_was_made_while_no_engine_worked_is_checked_at_its_start(tmp_path: Path, change_id: int) -> None:
    with narrows_in(tmp_path) as narrows:
        made = edits.edit(narrows, change_id, revision=1, path="said.txt", text="by hand\n")
        assert [each.state for each in checks.of_revision(narrows, made.id)] == [CheckState.QUEUED]
    with house_in(tmp_path) as house:
        passed(house, made)


def passed(house: House, revision: Revision) -> None:
    house.until(lambda: checks.of_revision(house.narrows, revision.id)[0].state is CheckState.PASSED or None)
