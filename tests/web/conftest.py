"""A Narrows with a database of its own, and an app of the API behind its gate."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.domain.agent import Agent
from server.domain.project import Project
from server.services import projects
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database
from server.store.migrations import migrate
from server.web import errors, security
from tests.support.repositories import Repository

ORIGIN = "http://127.0.0.1:4747"
TOKEN = "a-token-for-tests-that-is-long-enough-to-be-one"
FILES = {"README.md": "# Project\n", "src/app.py": "def add(a, b):\n    return a - b\n"}


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
def narrows(tmp_path: Path, empty_database: Path) -> Iterator[Narrows]:
    """A Narrows on real files, with one built-in agent and no engine."""
    settings = Settings.load({"data": tmp_path / "data", "open_browser": False}, {"HOME": str(tmp_path)})
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
    """The user's repository, registered."""
    return projects.register(narrows, str(repository.path), checks=["true"])


@pytest.fixture
def app(narrows: Narrows) -> FastAPI:
    """The API behind the gate; tests add routes of their own."""
    from server.web import api

    made = FastAPI(docs_url=None, redoc_url=None)
    made.state.narrows = narrows
    api.install(made)
    errors.install(made)
    security.install(made, token=TOKEN)
    return made


@pytest.fixture
def visitor(app: FastAPI) -> Iterator[Callable[..., TestClient]]:
    """Makes clients that follow no redirect; with headers of their own, and the token only when given."""
    opened: list[TestClient] = []

    def visit(origin: str = ORIGIN, **headers: str) -> TestClient:
        spoken = {name.replace("_", "-"): value for name, value in headers.items()}
        client = TestClient(app, base_url=origin, headers=spoken, follow_redirects=False)
        opened.append(client)
        return client

    yield visit
    for client in opened:
        client.close()


@pytest.fixture
def script(visitor: Callable[..., TestClient]) -> TestClient:
    """A client that sends the bearer token."""
    return visitor(Authorization=f"Bearer {TOKEN}")
