"""A Narrows with a database of its own, and an app of the API behind its gate."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.domain.agent import Agent
from server.domain.change import Revision
from server.domain.project import Project
from server.domain.run import Reason, Run
from server.domain.states import CheckState, RunState
from server.domain.transcript import Entry, EntryKind
from server.git import mirrors, worktrees
from server.services import admission, checks, revisions, runs
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database
from server.web import errors, security
from tests.support.apps import put_api
from tests.support.house import empty_database
from tests.support.repositories import Repository
from tests.support.template import Template

ORIGIN = "http://127.0.0.1:4747"
TOKEN = "a-token-for-tests-that-is-long-enough-to-be-one"
FILES = {"README.md": "# Project\n", "src/app.py": "def add(a, b):\n    return a - b\n"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.make(tmp_path_factory.mktemp("template"), FILES, checks=["true"])


@pytest.fixture
def narrows(tmp_path: Path) -> Iterator[Narrows]:
    """A Narrows on real files, with one built-in agent and no engine."""
    settings = Settings.load({"data": tmp_path / "data", "open_browser": False}, {"HOME": str(tmp_path)})
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
    """The user's repository, registered."""
    return template.registered(narrows, repository)


@pytest.fixture
def app(narrows: Narrows) -> FastAPI:
    """The API behind the gate; tests add routes of their own."""
    made = FastAPI(docs_url=None, redoc_url=None)
    made.state.narrows = narrows
    put_api(made)
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


@dataclass(frozen=True)
class Worker:
    """Stands in for the engine, one step at a time, with real worktrees and revisions."""

    narrows: Narrows
    name: str = "tests"

    def admit(self) -> list[Run]:
        """Start whatever may start."""
        runs.heartbeat(self.narrows, self.name, "here", 1)
        admitted = admission.admit(self.narrows, self.name)
        for run in admitted:
            runs.begin(self.narrows, run.id, self.name)
        return admitted

    def answer(
        self, files: Mapping[str, str | bytes], summary: str = "Done.", result: CheckState = CheckState.PASSED
    ) -> list[int]:
        """The agents of all runs that may start write `files` and end, and so do their checks; the changes' numbers."""
        return [self._turn(run, files, summary, result) for run in self.admit()]

    def _turn(self, run: Run, files: Mapping[str, str | bytes], summary: str, result: CheckState) -> int:
        _, change, project = runs.whole(self.narrows, run.id)
        assert change.slot is not None
        mirror, tree = self.narrows.mirror(project.id), self.narrows.tree(project.id, change.slot)
        if run.reason is Reason.FIRST:
            worktrees.prepare(mirror, tree, mirrors.fetch(Path(project.path), mirror, project.target_branch))
        for name, content in files.items():
            path = Path(os.fsdecode(tree)) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        folder = runs.folder(self.narrows, run.id)
        said = Entry(EntryKind.MESSAGE, time.time(), text=f"Working on it… ✓\n{summary}\n")
        (folder / "transcript.jsonl").write_text(f"{said.line()}\n")
        runs.end(self.narrows, run.id, self.name, runs.Ending(RunState.SUCCEEDED, summary=summary))
        if revision := revisions.take(self.narrows, run.id, summary=summary, report=None):
            self._check(project, revision, result)
        runs.decide(self.narrows, run.id)
        return change.id

    def _check(self, project: Project, revision: Revision, result: CheckState) -> None:
        for planned in checks.plan(self.narrows, project, revision):
            if planned.state is CheckState.QUEUED:
                _, log = checks.start(self.narrows, planned.id)
                log.write_text("all is well\n")
                checks.end(self.narrows, planned.id, result, int(result is not CheckState.PASSED), 0.1)


@pytest.fixture
def worker(narrows: Narrows) -> Worker:
    """The engine's stand-in."""
    return Worker(narrows)
