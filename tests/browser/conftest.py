"""Narrows in a browser: a real server on a port of its own, over a database that tests fill by services."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page

from server.domain.project import Project
from server.domain.task import Task
from server.services import projects, tasks
from server.services.narrows import Narrows
from server.web import errors, security
from tests.support.apps import put_api, put_pages
from tests.support.repositories import Repository
from tests.support.template import Template
from tests.web.conftest import TOKEN, Worker, narrows, worker

__all__ = ["narrows", "worker"]

BEFORE = '''"""Durations as people write them."""

UNITS = {"s": 1, "m": 60, "h": 3600}


def parse(text):
    """
    Seconds in a text like "90s" or "5m".
    """
    number, unit = text[:-1], text[-1]
    return int(number) * UNITS[unit]


def show(seconds):
    return f"{seconds}s"
'''
AFTER = '''"""Durations as people write them."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PART = re.compile(r"(\\d+)([smhd])")


def parse(text):
    """
    Seconds in a text like "90s", "5m" or "1h30m".
    """
    parts = PART.findall(text)
    if "".join(n + u for n, u in parts) != text or not parts:
        raise ValueError(f"{text!r} is no duration")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def show(seconds):
    return f"{seconds}s"
'''
TEST = """import pytest

from durations import parse


def test_hours_and_minutes():
    assert parse("1h30m") == 5400


def test_nonsense():
    with pytest.raises(ValueError):
        parse("soon")
"""
BRIEF = """`parse` only takes one unit. People write `1h30m`.

For example:
- `parse("1h30m")` gives 5400
- `parse("soon")` raises `ValueError`
- `parse("2d")` gives 172800

Done means: the examples are tests, and `make test` passes."""
SUMMARY = """`parse` reads any sequence of number and unit now, and days are a unit.

- the pattern is anchored by comparing what was found with the whole text
- two tests, one for `1h30m` and one for nonsense"""


@dataclass
class Site:
    """A server at `url`, and what its tests need to fill it."""

    url: str
    narrows: Narrows
    worker: Worker
    repository: Repository
    project: Project
    filed: list[Task] = field(default_factory=list)

    def change(self, title: str = "Parse durations of several units", brief: str = BRIEF, **files: str | bytes) -> int:
        """A task, and the change that its agent made of it; the change's number. What is filed first is read first."""
        priority = 9 - 2 * len(self.filed)  # by the person's own word, which is before size and conflicts
        project = self.project.id
        self.filed.append(tasks.file(self.narrows, project_id=project, title=title, brief=brief, priority=priority))
        (change,) = self.worker.answer(files or {"durations.py": AFTER, "tests/test_durations.py": TEST}, SUMMARY)
        return change


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    files = {"durations.py": BEFORE, "README.md": "# Durations\n"}
    return Template.make(tmp_path_factory.mktemp("template"), files, name="durations", checks=["make test"])


@pytest.fixture
def site(tmp_path: Path, narrows: Narrows, worker: Worker, template: Template) -> Iterator[Site]:
    """Pages and API behind their gate, without an engine."""
    with site_in(tmp_path, narrows, worker, template) as made:
        yield made


@contextmanager
def site_in(folder: Path, narrows: Narrows, worker: Worker, template: Template) -> Iterator[Site]:
    """The same, with the user's repository below `folder`."""
    repository = template.repository_in(folder)
    app = FastAPI()
    app.state.narrows = narrows
    errors.install(app)
    put_api(app)
    put_pages(app)
    security.install(app, token=TOKEN)
    with Served(app, narrows) as url:
        project = template.registered(narrows, repository)
        project = projects.configure(narrows, project.id, review_size=0)  # large ones are to be read, not split
        yield Site(url, narrows, worker, repository, project)


class Served:
    """Serves an app in a thread while the block runs."""

    def __init__(self, app: FastAPI, narrows: Narrows) -> None:
        self._narrows = narrows
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:  # uvicorn has no event for it
            time.sleep(0.005)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._narrows.bus.close()
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


@pytest.fixture
def enter(site: Site, page: Page) -> Callable[[str], Page]:
    """Opens a page of the site, past its gate."""
    page.goto(f"{site.url}/projects?token={TOKEN}")

    def open_path(path: str) -> Page:
        page.goto(site.url + path)
        return page

    return open_path
