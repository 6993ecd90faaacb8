"""A person who reads the pages, without JavaScript unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from server.domain.project import Project
from server.domain.states import CheckState
from server.services import tasks
from server.services.narrows import Narrows
from tests.support.apps import put_pages
from tests.web.conftest import TOKEN, Worker

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
Visitor = Callable[..., TestClient]


@dataclass(frozen=True)
class Person:
    """Reads pages and sends forms, as a browser would."""

    client: TestClient

    def reads(self, path: str, /, status: int = 200) -> str:
        """A page's HTML."""
        return self._text(self.client.get(path), status)

    def peeks(self, path: str, /, status: int = 200) -> str:
        """What htmx gets there."""
        return self._text(self.client.get(path, headers=HTMX), status)

    def sends(self, path: str, /, status: int = 303, **fields: object) -> str:
        """Where the form leads to, or the page that says what is wrong with it."""
        answer = self.client.post(path, data=dict(fields))
        return self._text(answer, status) if status != 303 else self._next(answer)

    def posts(self, path: str, /, status: int = 200, **fields: object) -> str:
        """What htmx gets for the form."""
        return self._text(self.client.post(path, data=dict(fields), headers=HTMX), status)

    @staticmethod
    def _text(answer: Response, status: int) -> str:
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    @staticmethod
    def _next(answer: Response) -> str:
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


@pytest.fixture
def person(app: FastAPI, visitor: Visitor) -> Person:
    put_pages(app)
    return Person(visitor(Authorization=f"Bearer {TOKEN}"))


@dataclass(frozen=True)
class Desk:
    """Puts changes on the desk."""

    narrows: Narrows
    project: Project
    worker: Worker

    def holds(
        self,
        title: str = "Add adds",
        files: Mapping[str, str | bytes] | None = None,
        summary: str = "Done.",
        result: CheckState = CheckState.PASSED,
        **task: Any,
    ) -> int:
        """A change in review, whose checks ended so; its number."""
        tasks.file(self.narrows, project_id=self.project.id, title=title, **task)
        (change,) = self.worker.answer(files or {"src/app.py": "def add(a, b):\n    return a + b\n"}, summary, result)
        return change


@pytest.fixture
def on_desk(narrows: Narrows, project: Project, worker: Worker) -> Desk:
    return Desk(narrows, project, worker)
