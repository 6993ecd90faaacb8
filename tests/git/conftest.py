from __future__ import annotations

from pathlib import Path

import pytest

from server.git import mirrors
from tests.support.repositories import Repository


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any git configuration of the person who runs the tests."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(
        tmp_path,
        files={
            "README.md": "# Project\n",
            "src/app.py": "one\ntwo\nthree\n",
            "src/lib/util.py": "def util():\n    return 1\n",
            ".gitignore": "build/\n*.log\n.env\n",
        },
    )


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Path:
    folder = tmp_path / "data/mirror.git"
    mirrors.create(repository.path, folder)
    return folder
