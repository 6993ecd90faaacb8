"""What checks leave behind in a worktree is seen, and taken away; what they may leave stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.git import repositories, snapshots, trees, worktrees
from server.git.commands import NOBODY
from tests.support.repositories import Repository


@pytest.fixture
def tree(repository: Repository, mirror: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    worktrees.prepare(mirror, folder, repository.head)
    return folder


def revision(repository: Repository, mirror: Path, tree: Path) -> snapshots.Snapshot:
    taken = snapshots.take(mirror, tree, base=repository.head, message="r\n", author=NOBODY)
    assert taken is not None
    return taken


def test_rewinding_takes_away_what_checks_left_and_keeps_what_is_ignored(
    repository: Repository, mirror: Path, tree: Path
) -> None:
    (tree / "new.py").write_text("the agent's\n")
    (tree / "src/app.py").write_text("the agent's, too\n")
    taken = revision(repository, mirror, tree)

    (tree / "src/app.py").write_text("rewritten by a check\n")
    (tree / "report.xml").write_text("left by a check\n")
    (tree / "nested").mkdir()
    (tree / "nested/cache").write_text("left by a check\n")
    (tree / "build").mkdir()
    (tree / "build/packages").write_text("ignored\n")
    (tree / ".env").write_text("brought there\n")
    trees.rewind(mirror, tree, taken.commit, exclude=[".env*"])

    assert (tree / "src/app.py").read_text() == "the agent's, too\n"
    assert (tree / "new.py").read_text() == "the agent's\n"
    assert not (tree / "report.xml").exists()
    assert not (tree / "nested/cache").exists()
    assert (tree / "build/packages").read_text() == "ignored\n"
    assert (tree / ".env").read_text() == "brought there\n"
    again = revision(repository, mirror, tree)
    assert again.tree == taken.tree
    assert trees.head(mirror, tree) == repository.head


def test_a_rewound_tree_is_still_the_next_turns_ground(repository: Repository, mirror: Path, tree: Path) -> None:
    (tree / "new.py").write_text("first turn\n")
    taken = revision(repository, mirror, tree)
    trees.rewind(mirror, tree, taken.commit)

    (tree / "new.py").write_text("second turn\n")
    (tree / "README.md").unlink()

    assert worktrees.touched(mirror, tree, taken.commit) == ["README.md", "new.py"]
    second = revision(repository, mirror, tree)
    assert snapshots.take(mirror, tree, base=second.commit, message="r\n", author=NOBODY) is None


def test_a_tree_is_intact_until_a_tracked_file_or_head_changes(
    repository: Repository, mirror: Path, tree: Path
) -> None:
    head = repository.head
    assert trees.intact(mirror, tree, head)
    (tree / "untracked").write_text("x")
    assert trees.intact(mirror, tree, head)
    (tree / "README.md").write_text("changed")
    assert not trees.intact(mirror, tree, head)
    (tree / "README.md").write_text("# Project\n")
    assert trees.intact(mirror, tree, head)
    assert not trees.intact(mirror, tree, "0" * 40)


def test_no_head_where_nothing_was_prepared(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    assert trees.head(mirror, tmp_path / "bare") is None


def test_a_folder_becomes_a_repository_of_one_commit(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")

    commit = repositories.found(folder, "As it is\n")

    made = Repository(folder, tmp_path / "home")
    assert made.git("log", "--format=%H %s") == f"{commit} As it is"
    assert made.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert repositories.tip(folder, "main") == commit
    assert repositories.tip(folder, "gone") is None
