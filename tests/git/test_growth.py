"""How much of each file changed between two commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import growth, mirrors
from server.git.growth import Churn
from tests.support.repositories import Repository

TEN = "".join(f"line {n}\n" for n in range(10))


def test_lines_are_counted_over_all_commits_between(repository: Repository, mirror: Path) -> None:
    since = repository.commit("start", {"a.py": TEN, "b.py": TEN})
    repository.commit("one", {"a.py": TEN + "more\n"})
    repository.commit("two", {"a.py": TEN, "picture": b"\0\1\2", "new.py": "x\n"})
    mirrors.fetch(repository.path, mirror, "main")
    assert growth.churn(mirror, since, repository.head) == {"a.py": Churn(2, 2), "new.py": Churn(1, 1)}
    assert growth.churn(mirror, repository.head, repository.head) == {}


def test_a_renamed_file_has_what_it_had(repository: Repository, mirror: Path) -> None:
    since = repository.commit("start", {"old.py": TEN})
    repository.commit("one", {"old.py": TEN + "more\n"})
    repository.git("mv", "old.py", "folder é.py")
    repository.commit("two")
    repository.git("mv", "folder é.py", "newest\tname.py")
    repository.commit("three", {"newest\tname.py": TEN + "more\nand more\n"})
    mirrors.fetch(repository.path, mirror, "main")
    assert growth.churn(mirror, since, repository.head) == {"newest\tname.py": Churn(2, 3)}


def test_what_was_merged_counts_once(repository: Repository, mirror: Path) -> None:
    since = repository.head
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("beside", {"side.py": TEN})
    repository.git("checkout", "-q", "main")
    repository.commit("meanwhile", {"main.py": "x\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    mirrors.fetch(repository.path, mirror, "main")
    assert growth.churn(mirror, since, repository.head) == {"side.py": Churn(10, 1), "main.py": Churn(1, 1)}


def test_a_commit_that_is_gone_is_said(mirror: Path) -> None:
    with pytest.raises(GitError):
        growth.churn(mirror, "0" * 39 + "1", "0" * 39 + "2")
