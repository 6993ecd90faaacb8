"""A Narrows without its engine's thread, for tests of the engine's parts; and a whole one for its workflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.change import Revision
from server.domain.project import Project
from server.engine.workplace import Workplace
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop
from tests.support.house import House, house_in, narrows_in
from tests.support.repositories import Repository
from tests.support.template import Template


@pytest.fixture
def narrows(tmp_path: Path) -> Iterator[Narrows]:
    with narrows_in(tmp_path) as narrows:
        yield narrows


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    files = {"README.md": "# Project\n", "notes.txt": "one\n", ".gitignore": ".env\n"}
    return Template.make(tmp_path_factory.mktemp("template"), files)


@pytest.fixture
def repository(tmp_path: Path, template: Template) -> Repository:
    return template.repository_in(tmp_path)


@pytest.fixture
def project(narrows: Narrows, repository: Repository, template: Template) -> Project:
    return template.registered(narrows, repository)


@pytest.fixture
def workshop(narrows: Narrows, project: Project) -> Workshop:
    return Workshop(narrows, project)


@pytest.fixture
def place(narrows: Narrows) -> Workplace:
    return Workplace(narrows, ME)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A whole Narrows at work, shared by the tests of a module: each has a project of its own there."""
    with house_in(tmp_path_factory.mktemp("house"), budget=0, agents=8) as house:
        yield house


@pytest.fixture
def revision(workshop: Workshop) -> Revision:
    """Of a run whose agent said something."""
    workshop.file()
    [run] = workshop.admit()
    workshop.write(run, {"said.txt": "said\n"})
    revision = workshop.take(run)
    assert revision is not None
    return revision
