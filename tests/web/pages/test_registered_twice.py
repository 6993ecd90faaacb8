"""The same repository registered twice: the project that is there is shown, nothing typed is taken for it."""

from __future__ import annotations

from server.services import projects
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.pages.conftest import Desk, Person


def test_looking_at_a_known_repository_leads_to_its_project(
    person: Person, on_desk: Desk, repository: Repository
) -> None:
    answer = person.client.get(f"/projects/examination?path={repository.path / 'src'}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/1?done=known-1")
    assert f"{on_desk.project.name} is registered already." in person.reads("/projects/1?done=known-1")


def test_registering_it_from_an_old_tab_changes_nothing_and_says_so(
    person: Person, on_desk: Desk, narrows: Narrows, repository: Repository
) -> None:
    settings: dict[str, str] = {"name": "other", "target_branch": "main", "checks": "make other"}
    assert person.sends("/projects", 303, path=str(repository.path), **settings) == "/projects/1?done=known-1"
    assert projects.get(narrows, 1).checks == on_desk.project.checks


def test_a_look_can_be_reloaded(person: Person, repository: Repository) -> None:
    for _ in range(2):
        assert "Register project" in person.reads(f"/projects/examination?path={repository.path}")
