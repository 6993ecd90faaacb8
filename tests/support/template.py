"""A user's repository and what registering it leaves: made once by git, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.domain.event import Actor
from server.domain.project import Project
from server.services import events, projects
from server.services.narrows import Narrows
from tests.support.house import narrows_in
from tests.support.repositories import Repository


@dataclass(frozen=True)
class Template:
    """A repository with one commit, its mirror, and its project's fields."""

    repository: Path
    mirror: Path
    project: dict[str, Any]

    @classmethod
    def make(cls, folder: Path, files: Mapping[str, str | bytes], **wishes: Any) -> Template:
        """In `folder`, which the copies outlive; `wishes` are settings of the project."""
        with narrows_in(folder) as narrows:
            repository = Repository.make(folder, files=files)
            project = projects.register(narrows, str(repository.path), **wishes)
            own = project.model_dump(exclude={"id", "path", "created_at"})
            return cls(repository.path, narrows.mirror(project.id), own)

    def repository_in(self, folder: Path) -> Repository:
        """What `Repository.make` makes there."""
        home = folder / "home"
        home.mkdir(exist_ok=True)
        shutil.copytree(self.repository, folder / "project")
        repository = Repository(folder / "project", home, commits=1)
        repository.git("update-index", "--refresh")  # which knows files by their inodes, too
        return repository

    def registered(self, narrows: Narrows, repository: Repository) -> Project:
        """What `projects.register` makes of it."""
        with narrows.transaction() as db:
            project = Project(path=str(repository.path), **self.project)
            events.record(db, Actor.YOU, "registered", project)
        shutil.copytree(self.mirror, narrows.mirror(project.id))
        return project
