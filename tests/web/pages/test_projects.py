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


def test_how_changes_land_is_set_on_the_page(person: Person, narrows: Narrows, repository: Repository) -> None:
    projects.register(narrows, str(repository.path))
    hook = repository.write(".git/hooks/commit-msg", "#!/bin/sh\n", executable=True)
    repository.write(".git/hooks/pre-commit", "#!/bin/sh\n", executable=True)
    page = person.reads("/projects/1")
    assert f"In {hook.parent} these would run: commit-msg. These never run" in page
    assert "prove what lands: pre-commit." in page
    assert "Commits that land are not signed" in page
    chosen: dict[str, Any] = {
        "landing_method": "rebase",
        "message_template": "fix: $title\r\n\r\n$summary",
        "author": "agent",
        "check_each": "on",
        "co_author": "on",
        "hooks": "on",
    }
    settings: dict[str, Any] = {"name": "mine", "target_branch": "main"}
    person.sends("/projects/1", **settings, **chosen)
    project = projects.get(narrows, 1)
    assert (project.message_template, project.author, project.landing_method) == (
        "fix: $title\n\n$summary",
        "agent",
        "rebase",
    )
    assert (project.check_each, project.co_author, project.sign_off, project.hooks) == (True, True, False, True)
    page = person.reads("/projects/1")
    assert ">\nfix: $title\n\n$summary</textarea>" in page
    assert 'name="hooks" checked' in page
    person.sends("/projects/1", **settings)
    assert not projects.get(narrows, 1).hooks


def test_a_template_that_nothing_fills_is_refused_beside_it(
    person: Person, narrows: Narrows, repository: Repository
) -> None:
    projects.register(narrows, str(repository.path))
    page = person.sends("/projects/1", 422, name="mine", target_branch="main", message_template="$titel")
    assert "Nothing fills $titel. There are $title, $summary, $task and $change" in page
    assert ">\n$titel</textarea>" in page


def test_the_page_says_by_what_commits_are_signed(person: Person, narrows: Narrows, repository: Repository) -> None:
    repository.git("config", "commit.gpgSign", "true")
    repository.git("config", "gpg.format", "ssh")
    repository.git("config", "core.hooksPath", "tools/hooks")
    repository.write("tools/hooks/post-merge", "#!/bin/sh\n", executable=True)
    page = person.reads(f"/projects/examination?path={repository.path}")
    assert "Commits that land are signed by ssh" in page
    assert "these would run: post-merge." in page
    assert "a change to it must be acknowledged before it lands" in page
