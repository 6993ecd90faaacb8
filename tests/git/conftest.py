from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.git import mirrors
from tests.git.store import Store
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


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A mirror to put trees into."""
    folder = tmp_path_factory.mktemp("store")
    repository = Repository.make(folder)
    mirrors.create(repository.path, folder / "mirror.git")
    return Store(folder / "mirror.git")


ORDINARY_USER = """
import os, sys
from pathlib import Path
from server.domain.errors import GitError, NarrowsError
from server.git import mirrors, worktrees
from server.git.commands import NOBODY
from server.git.snapshots import take
from tests.support.repositories import Repository

top = Path(sys.argv[1])
if os.geteuid() == 0:
    os.chown(top, 65534, 65534)
    os.setuid(65534)
repository = Repository.make(top, files={"README.md": "x", "src/app.py": "y"})
mirrors.create(repository.path, top / "mirror.git")
worktrees.prepare(top / "mirror.git", top / "tree", repository.head)
"""


@pytest.fixture
def as_ordinary_user() -> Iterator[Callable[[str], str]]:
    """Runs lines of Python in a process that can't read everything, as root can; gives what they print.

    They find a folder `top` with a `repository`, a `mirror.git` and a prepared `tree`.
    """
    with tempfile.TemporaryDirectory() as folder:

        def run_lines(lines: str) -> str:
            done = subprocess.run(
                [sys.executable, "-c", ORDINARY_USER + lines, folder],
                cwd=Path(__file__).parents[2],
                env={"PATH": os.environ["PATH"], "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run_lines
