"""A worktree's HEAD: moved without touching a file, and read with what its agent was merging, whatever stands there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.git import heads, mirrors, trees, worktrees
from server.git.places import Place, place
from tests.support.repositories import Repository


@pytest.fixture
def where(repository: Repository, mirror: Path, tmp_path: Path) -> Place:
    tree = tmp_path / "tree"
    worktrees.prepare(mirror, tree, repository.head)
    return place(mirror, tree)


def test_moved_it_is_there_and_no_file_changes(where: Place, repository: Repository) -> None:
    (where.tree / "src/app.py").write_text("mine\n")
    (where.admin / "MERGE_HEAD").write_text(f"{repository.head}\n")
    later = repository.commit("later", {"more.txt": "more\n"})
    mirrors.fetch(repository.path, where.mirror, "main")
    heads.move(where.mirror, where.tree, later)
    assert trees.head(where.mirror, where.tree) == later
    assert (where.tree / "src/app.py").read_text() == "mine\n"
    assert not (where.tree / "more.txt").exists()
    assert heads.merging(where.mirror, where.tree) is None


def test_what_is_being_merged_is_a_commit_or_nothing(where: Place, repository: Repository, tmp_path: Path) -> None:
    file = where.admin / "MERGE_HEAD"
    assert heads.merging(where.mirror, where.tree) is None
    file.write_text(f"{repository.head}\n{'1' * 40}\n")
    assert heads.merging(where.mirror, where.tree) == repository.head
    for nonsense in (b"", b"main\n", b"--all\n", b"1" * 40, b"\xff\0" * 40, b"x" * 1_000_000):
        file.write_bytes(nonsense)
        assert heads.merging(where.mirror, where.tree) is None
    file.unlink()
    (tmp_path / "elsewhere").write_text(f"{repository.head}\n")
    file.symlink_to(tmp_path / "elsewhere")
    assert heads.merging(where.mirror, where.tree) is None
    file.unlink()
    os.mkfifo(file)
    assert heads.merging(where.mirror, where.tree) is None
