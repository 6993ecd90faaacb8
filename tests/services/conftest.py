"""A Narrows on real files without an engine: each test is the engine, one step at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.domain.agent import Agent
from server.domain.event import Actor
from server.domain.project import Project
from server.services import events, projects
from server.services.narrows import Narrows
from server.store.database import Database
from tests.services.witness import Witness
from tests.services.workshop import Workshop
from tests.support.house import narrows_in, settings_in
from tests.support.repositories import Repository

FILES = {"README.md": "# Project\n", "notes.txt": "one\ntwo\nthree\n"}


@pytest.fixture(autouse=True)
def _witness() -> Iterator[None]:
    """In every test here: each move of a thing has its event in the same transaction."""
    with Witness() as witness:
        yield
    assert witness.silent == [], "moved without an event"


@dataclass(frozen=True)
class Template:
    """A database at the newest schema, a user's repository and its mirror: made once by git, copied for each test."""

    database: Path
    repository: Path
    mirror: Path
    project: dict[str, Any]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("template")
    empty = folder / "empty.db"
    with narrows_in(folder) as narrows:
        narrows.database.close()
        shutil.copy(narrows.settings.data / "narrows.db", empty)
        repository = Repository.make(folder, files=FILES)
        project = projects.register(narrows, str(repository.path), checks=["make test"])
        own = project.model_dump(exclude={"id", "path", "created_at"})
        return Template(empty, repository.path, narrows.mirror(project.id), own)


@pytest.fixture
def narrows(tmp_path: Path, template: Template) -> Iterator[Narrows]:
    """With one built-in agent and nothing else."""
    settings = settings_in(tmp_path)
    shutil.copy(template.database, settings.data / "narrows.db")
    database = Database(settings.database_url)
    demo = Agent(name="demo", family="command", argv=["true"], built_in=True, description="Does nothing, well.")
    made = Narrows(settings, database, built_in=(demo,))
    yield made
    made.bus.close()
    database.close()


@pytest.fixture
def repository(tmp_path: Path, template: Template) -> Repository:
    """The user's repository."""
    (tmp_path / "home").mkdir()
    shutil.copytree(template.repository, tmp_path / "project")
    return Repository(tmp_path / "project", tmp_path / "home", commits=1)


@pytest.fixture
def project(narrows: Narrows, repository: Repository, template: Template) -> Project:
    """The user's repository as registering leaves it, with one check."""
    with narrows.transaction() as db:
        project = Project(path=str(repository.path), **template.project)
        events.record(db, Actor.YOU, "registered", project)
    shutil.copytree(template.mirror, narrows.mirror(project.id))
    return project


@pytest.fixture
def workshop(narrows: Narrows, project: Project) -> Workshop:
    return Workshop(narrows, project)
