"""A Narrows on real files without an engine: each test is the engine, one step at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.agent import Agent
from server.domain.project import Project
from server.services import projects
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database
from server.store.migrations import migrate
from tests.services.witness import Witness
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

FILES = {"README.md": "# Project\n", "notes.txt": "one\ntwo\nthree\n"}


@pytest.fixture(autouse=True)
def _witness() -> Iterator[None]:
    """In every test here: each move of a thing has its event in the same transaction."""
    with Witness() as witness:
        yield
    assert witness.silent == [], "moved without an event"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("database") / "narrows.db"
    database = Database(f"sqlite:///{file}")
    migrate(database.engine, file.parent / "backups")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"data": tmp_path / "data", "open_browser": False}, {"HOME": str(tmp_path)})


@pytest.fixture
def narrows(settings: Settings, empty_database: Path) -> Iterator[Narrows]:
    shutil.copy(empty_database, settings.data / "narrows.db")
    database = Database(settings.database_url)
    demo = Agent(name="demo", family="command", argv=["true"], built_in=True, description="Does nothing, well.")
    made = Narrows(settings, database, built_in=(demo,))
    yield made
    made.bus.close()
    database.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The user's repository."""
    return Repository.make(tmp_path, files=FILES)


@pytest.fixture
def project(narrows: Narrows, repository: Repository) -> Project:
    """The user's repository, registered, with one check."""
    return projects.register(narrows, str(repository.path), checks=["make test"])


@pytest.fixture
def workshop(narrows: Narrows, project: Project) -> Workshop:
    return Workshop(narrows, project)
