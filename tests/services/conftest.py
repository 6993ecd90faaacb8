"""A Narrows on real files without an engine: each test is the engine, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.agent import Agent
from server.domain.project import Project
from server.services.narrows import Narrows
from server.store.database import Database
from tests.services.witness import Witness
from tests.services.workshop import Workshop
from tests.support.house import empty_database, settings_in
from tests.support.repositories import Repository
from tests.support.template import Template

FILES = {"README.md": "# Project\n", "notes.txt": "one\ntwo\nthree\n"}


@pytest.fixture(autouse=True)
def _witness() -> Iterator[None]:
    """In every test here: each move of a thing has its event in the same transaction."""
    with Witness() as witness:
        yield
    assert witness.silent == [], "moved without an event"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.make(tmp_path_factory.mktemp("template"), FILES, checks=["make test"])


@pytest.fixture
def narrows(tmp_path: Path) -> Iterator[Narrows]:
    """With one built-in agent and nothing else."""
    settings = settings_in(tmp_path)
    (settings.data / "narrows.db").write_bytes(empty_database())
    database = Database(settings.database_url)
    demo = Agent(name="demo", family="command", argv=["true"], built_in=True, description="Does nothing, well.")
    made = Narrows(settings, database, built_in=(demo,))
    yield made
    made.bus.close()
    database.close()


@pytest.fixture
def repository(tmp_path: Path, template: Template) -> Repository:
    """The user's repository."""
    return template.repository_in(tmp_path)


@pytest.fixture
def project(narrows: Narrows, repository: Repository, template: Template) -> Project:
    """The user's repository as registering leaves it, with one check."""
    return template.registered(narrows, repository)


@pytest.fixture
def workshop(narrows: Narrows, project: Project) -> Workshop:
    return Workshop(narrows, project)
