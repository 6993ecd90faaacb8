"""Registering a repository: what is seen, what is proposed, and a sentence for whatever can't be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.domain.errors import Invalid, NarrowsError, NotFound
from server.domain.project import DEFAULT_INCLUDE, LandingMethod, Project
from server.git import mirrors
from server.services import events, projects
from server.services.narrows import Narrows
from tests.support.repositories import Repository


def test_a_repository_is_registered_with_its_mirror(narrows: Narrows, repository: Repository) -> None:
    project = projects.register(narrows, str(repository.path))
    assert (project.name, project.path, project.target_branch) == ("project", str(repository.path), "main")
    assert (project.checks, project.include) == ([], DEFAULT_INCLUDE)
    assert mirrors.resolve(narrows.mirror(project.id), "refs/heads/main") == repository.head
    assert repository.status() == []
    assert [event.verb for event in events.since(narrows, 0)] == ["registered"]


@pytest.mark.parametrize("where", ["", "deep/er", "~"])
def test_any_folder_in_it_will_do_and_the_same_twice_is_one(
    narrows: Narrows, repository: Repository, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (repository.path / "deep/er").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(repository.path))
    first = projects.register(narrows, str(repository.path))
    path = "~" if where == "~" else f" {repository.path / where} "
    again = projects.register(narrows, path, name="another")
    assert (again.id, again.name) == (first.id, "project")
    assert [project.id for project in projects.every(narrows)] == [first.id]


def empty(tmp_path: Path) -> Path:
    return Repository.make(tmp_path, "empty", files={}).path


def bare(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    return tmp_path / "bare"


def inside(tmp_path: Path) -> Path:
    return Repository.make(tmp_path, "inside").path / ".git"


def plain(tmp_path: Path) -> Path:
    (tmp_path / "plain").mkdir()
    return tmp_path / "plain"


def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("")
    return tmp_path / "file"


def broken(tmp_path: Path) -> Path:
    path = Repository.make(tmp_path, "broken").path
    (path / ".git/HEAD").write_text("nonsense")
    return path


@pytest.mark.parametrize(
    ("make", "sentence", "hint"),
    [
        (lambda _: Path(), "No path was given.", "Type the folder"),
        (lambda tmp_path: tmp_path / "gone", "There is no folder", "moved or renamed"),
        (file, "is not a folder", "Give the folder"),
        (plain, "is not in a git repository", "git init"),
        (empty, "has no commit", "Commit something"),
        (bare, "is a bare repository", "Clone it"),
        (inside, "is inside of a .git folder", "Give the folder above it"),
        (broken, "git can't read the repository", "git fsck"),
    ],
)
def test_what_cant_be_registered_says_why_and_what_to_do(
    narrows: Narrows, tmp_path: Path, make: Callable[[Path], Path], sentence: str, hint: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(NarrowsError) as refused:
        projects.register(narrows, "  " if path == Path() else str(path))
    assert sentence in refused.value.message
    assert hint in refused.value.hint
    assert projects.every(narrows) == []
    assert list(narrows.settings.mirrors.iterdir()) == []


def test_a_mirror_that_cant_be_made_leaves_no_project(
    narrows: Narrows, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NarrowsError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(mirrors, "fetch", full)
        with pytest.raises(NarrowsError, match="full"):
            projects.register(narrows, str(repository.path))
    assert (projects.every(narrows), list(narrows.settings.mirrors.iterdir())) == ([], [])
    assert projects.register(narrows, str(repository.path)).id == 1


def test_a_mirror_left_by_a_dead_registration_is_made_anew(narrows: Narrows, repository: Repository) -> None:
    narrows.mirror(1).mkdir(parents=True)
    (narrows.mirror(1) / "half").write_text("")
    project = projects.register(narrows, str(repository.path))
    assert mirrors.resolve(narrows.mirror(project.id), "refs/heads/main") == repository.head
    assert not (narrows.mirror(1) / "half").exists()


def test_what_is_proposed_is_taken_unless_said_otherwise(narrows: Narrows, tmp_path: Path) -> None:
    files = {"narrows.toml": 'name = "Tide"\nchecks = ["make check"]\nlanding_method = "rebase"\nagents_limit = 2\n'}
    repository = Repository.make(tmp_path, "tide", files=files)
    proposal = projects.examine(str(repository.path))
    assert (proposal.name, proposal.checks, proposal.branches) == ("Tide", ["make check"], ["main"])
    project = projects.register(narrows, str(repository.path), name="Mine", setup=None)
    assert (project.name, project.checks, project.landing_method, project.agents_limit) == (
        "Mine",
        ["make check"],
        LandingMethod.REBASE,
        2,
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name =\n", "Its narrows.toml can't be read"),
        ("checks = 'make'\n", "checks must be a list of texts"),
        ("checks = [1]\n", "checks must be a list of texts"),
        ("agents_limit = true\n", "agents_limit must be a whole number"),
        ("agents_limit = 65\n", "from 1 to 64"),
        ("landing_method = 'teleport'\n", "landing_method must be one of: squash, merge, rebase"),
        ("target_branch = 'nowhere'\n", "no branch 'nowhere'"),
    ],
)
def test_a_narrows_toml_that_cant_be_used_is_refused(
    narrows: Narrows, tmp_path: Path, text: str, sentence: str
) -> None:
    repository = Repository.make(tmp_path, "tide", files={"narrows.toml": text})
    with pytest.raises(Invalid, match=sentence):
        projects.register(narrows, str(repository.path))
    assert projects.every(narrows) == []


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"target_branch": "nowhere"}, "The repository has no branch 'nowhere'. It has: main"),
        ({"name": " "}, "It can't be empty"),
        ({"landing_method": "teleport"}, "'teleport' is no landing method"),
        ({"agents_limit": 0}, "from 1 to 64"),
        ({"check_rounds": -1}, "from 0 to 20"),
        ({"turn_minutes": 1441}, "from 1 to 1440"),
        ({"check_minutes": 0}, "from 1 to 1440"),
        ({"colour": "red"}, "A project has no such setting"),
    ],
)
def test_a_setting_that_cant_be_used_is_named_and_nothing_changes(
    narrows: Narrows, project: Project, wish: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        projects.configure(narrows, project.id, **{"setup": "make", **wish})
    assert refused.value.field == next(iter(wish))
    assert sentence in str(refused.value)
    assert projects.get(narrows, project.id).setup == ""


def test_settings_are_changed_and_those_not_given_stay(
    narrows: Narrows, project: Project, repository: Repository
) -> None:
    repository.branch("next")
    projects.configure(
        narrows, project.id, target_branch="next", checks=[" make ", "", "true"], turn_minutes=5, setup=None
    )
    found = projects.get(narrows, project.id)
    assert (found.target_branch, found.checks, found.turn_minutes, found.name) == (
        "next",
        ["make", "true"],
        5,
        "project",
    )
    assert events.since(narrows, 0)[-1].data == {"fields": ["checks", "target_branch", "turn_minutes"]}


def test_a_moved_repository_is_found_at_its_new_path(
    narrows: Narrows, project: Project, repository: Repository, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    repository.path.rename(moved)
    with pytest.raises(NarrowsError, match="There is no folder"):
        projects.configure(narrows, project.id, target_branch="next")
    assert projects.configure(narrows, project.id, path=str(moved)).path == str(moved)


def test_two_projects_never_share_a_repository(narrows: Narrows, project: Project, tmp_path: Path) -> None:
    other = projects.register(narrows, str(Repository.make(tmp_path, "other").path))
    with pytest.raises(Invalid, match="is registered already, as project"):
        projects.configure(narrows, other.id, path=project.path)


def test_a_project_is_named_by_number_name_or_path(narrows: Narrows, project: Project, tmp_path: Path) -> None:
    for word in (str(project.id), "project", project.path):
        assert projects.named(narrows, word).id == project.id
    with pytest.raises(NotFound, match="No project is called 'other'"):
        projects.named(narrows, "other")
    projects.register(narrows, str(Repository.make(tmp_path, "other").path), name="project")
    with pytest.raises(NotFound, match="Several projects are called 'project'"):
        projects.named(narrows, "project")


def test_a_repository_that_is_not_the_users_own_is_refused(narrows: Narrows, tmp_path: Path) -> None:
    """Root may give it to somebody else; anybody else may lock themselves out."""
    path = Repository.make(tmp_path, "theirs").path
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "65534", path], check=True)
        sentence = "belongs to another user"
    else:
        path.chmod(0)
        sentence = "can't be read"
    with pytest.raises(NarrowsError, match=sentence):
        projects.register(narrows, str(path))
    path.chmod(0o700)
