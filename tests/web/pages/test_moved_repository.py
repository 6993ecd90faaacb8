"""A repository that was moved, or lost its target branch: the pages say so and take the new place; nothing is stuck."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from server.services import projects
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.pages.conftest import Desk, Person


def test_the_project_page_takes_the_new_folder(
    person: Person, on_desk: Desk, narrows: Narrows, repository: Repository, tmp_path: Path
) -> None:
    change = on_desk.holds()
    there = tmp_path / "elsewhere"
    repository.path.rename(there)
    assert "give its new path" in person.sends(f"/changes/{change}/landing", 400, revision=1, message="Add")
    assert f'name="path" type="text" value="{repository.path}"' in person.reads("/projects/1")
    settings: dict[str, Any] = {"name": "mine", "target_branch": "main"}
    wrong = person.sends("/projects/1", 400, path=str(tmp_path / "nowhere"), **settings)
    assert f"There is no folder {tmp_path / 'nowhere'}." in wrong
    assert f'value="{tmp_path / "nowhere"}"' in wrong
    assert person.sends("/projects/1", path=f" {there} ", **settings) == "/projects/1?done=configured-1"
    assert projects.get(narrows, 1).path == str(there)
    assert person.sends(f"/changes/{change}/landing", revision=1, message="Add") == "/?done=landing-1"


def test_the_api_takes_it_too(
    script: TestClient, on_desk: Desk, narrows: Narrows, repository: Repository, tmp_path: Path
) -> None:
    repository.path.rename(tmp_path / "elsewhere")
    answer = script.patch("/api/projects/1", json={"path": str(tmp_path / "elsewhere")})
    assert (answer.status_code, answer.json()["path"]) == (200, str(tmp_path / "elsewhere"))


def test_a_change_can_be_sent_back_although_its_target_branch_is_gone(
    person: Person, on_desk: Desk, repository: Repository
) -> None:
    change = on_desk.holds()
    repository.git("branch", "-m", "main", "renamed")
    form = person.reads(f"/changes/{change}/reviews/new")
    assert "Send back to demo" in form
    assert person.sends(f"/changes/{change}/reviews", revision=1, message="Louder.") == f"/?done=sent-{change}"
