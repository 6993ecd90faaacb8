"""How often files were changed of late, and whether that was taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import mirrors
from server.git.churn import Churn, churn
from tests.support.repositories import Repository


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Path:
    """Of a history with a file that is edited over and over, and once taken back."""
    for number in range(3):
        repository.commit(f"Number {number}", {"often.txt": f"{number}\n", "odd name\n.txt": "x\n"})
    repository.commit("Once\n\nSays \x01 and: it reverts commit nothing", {"once.txt": "x\n"})
    repository.git("revert", "--no-edit", "HEAD~1")
    made = tmp_path / "data/churned.git"
    mirrors.create(repository.path, made)
    return made


def test_commits_are_counted_by_the_files_that_they_changed(mirror: Path) -> None:
    found = churn(mirror, "HEAD", ["often.txt", "once.txt", "odd name\n.txt", "never.txt"])
    assert found.changed == {"often.txt": 4, "once.txt": 1, "odd name\n.txt": 1}
    assert found.reverted == {"often.txt": 1}


def test_only_the_newest_are_looked_at(mirror: Path) -> None:
    found = churn(mirror, "HEAD", ["often.txt"], most=2)
    assert (found.commits, found.changed) == (2, {"often.txt": 1})


def test_nothing_is_asked_of_no_files_and_a_commit_that_is_not_there_is_said(mirror: Path) -> None:
    assert churn(mirror, "HEAD", []) == Churn()
    with pytest.raises(GitError):
        churn(mirror, "f" * 40, ["often.txt"])
