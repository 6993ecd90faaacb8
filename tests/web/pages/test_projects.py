"""Registering a repository, and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.services import projects
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.pages.conftest import Person


def test_look_confirm_register_change(person: Person, narrows: Narrows, repository: Repository) -> None:
    seen = person.reads(f"/projects/examination?path={repository.path / 'src'}")
    assert f'name="path" value="{repository.path}"' in seen
    assert 'value="main"' in seen
    settings: dict[str, Any] = {
        "name": "mine",
        "target_branch": "main",
        "checks": "true\n\nmake test\n",
        "include": ".env",
    }
    assert person.sends("/projects", path=str(repository.path), **settings) == "/?done=registered-1"
    assert projects.get(narrows, 1).checks == ["true", "make test"]
    assert "mine" in person.reads("/projects")
    assert (
        person.sends("/projects/1", **settings | {"checks": "", "agents_limit": "2"}) == "/projects/1?done=configured-1"
    )
    assert (projects.get(narrows, 1).checks, projects.get(narrows, 1).agents_limit) == ([], 2)


def test_every_mistake_is_a_sentence_beside_what_was_typed(
    person: Person, narrows: Narrows, repository: Repository, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere")
    page = person.reads(f"/projects/examination?path={nowhere}", 400)
    assert f"There is no folder {nowhere}." in page
    assert f'value="{nowhere}"' in page
    wrong: dict[str, Any] = {"name": "mine", "target_branch": "gone", "setup": "make setup"}
    page = person.sends("/projects", 422, path=str(repository.path), **wrong)
    assert "The repository has no branch 'gone'." in page
    assert 'value="make setup"' in page
    projects.register(narrows, str(repository.path))
    page = person.sends("/projects/1", 422, name="mine", target_branch="main", agents_limit="many")
    assert "'many' is no whole number." in page
    assert 'value="many"' in page
    assert "It must be from 1 to 64." in person.sends(
        "/projects/1", 422, name="m", target_branch="main", agents_limit="0"
    )
