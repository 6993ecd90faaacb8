"""What lands may be hostile, as the user decided to land it: the move itself writes nothing outside, runs nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import mirrors, moves, worktrees
from server.git.commands import NOBODY, run
from server.git.moves import BlockedByFiles, move
from server.git.objects import commit
from server.git.snapshots import take
from tests.support.repositories import Repository


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "app.py").write_text("precious\n")
    return folder


@pytest.fixture
def tree(mirror: Path, repository: Repository, tmp_path: Path) -> Path:
    worktrees.prepare(mirror, tmp_path / "slots/1", repository.head)
    return tmp_path / "slots/1"


def taken(mirror: Path, tree: Path, base: str) -> str:
    snapshot = take(mirror, tree, base=base, message="turn", author=NOBODY)
    assert snapshot
    return snapshot.commit


def lands(repository: Repository, mirror: Path, new: str) -> None:
    move(repository.path, mirror, "main", repository.head, new)
    assert repository.head == new


def expect_precious(outside: Path) -> None:
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"app.py": "precious\n"}


def test_a_link_that_landed_is_not_written_through_by_the_next_landing(
    repository: Repository, mirror: Path, tree: Path, outside: Path
) -> None:
    (tree / "out").symlink_to(outside)
    shutil.rmtree(tree / "src")
    (tree / "src").symlink_to(outside)
    first = taken(mirror, tree, repository.head)
    lands(repository, mirror, first)
    assert (repository.path / "src").readlink() == outside

    worktrees.prepare(mirror, tree, first)
    for name in ("out", "src"):
        (tree / name).unlink()
        (tree / name).mkdir()
        (tree / name / "app.py").write_text("evil\n")
    lands(repository, mirror, taken(mirror, tree, first))

    assert (repository.path / "src/app.py").read_text() == "evil\n"
    assert not (repository.path / "src").is_symlink()
    assert repository.status() == []
    expect_precious(outside)


@pytest.mark.parametrize("name", ["new", "src"])
def test_a_link_of_the_users_own_is_not_written_through(
    repository: Repository, mirror: Path, tree: Path, outside: Path, name: str
) -> None:
    old = repository.head
    (tree / name).mkdir(exist_ok=True)
    (tree / name / "app.py").write_text("evil\n")
    if name == "src":
        shutil.rmtree(repository.path / "src")
    (repository.path / name).symlink_to(outside)
    with pytest.raises(BlockedByFiles):
        move(repository.path, mirror, "main", old, taken(mirror, tree, old))
    assert repository.head == old
    expect_precious(outside)


def test_a_tree_with_a_link_and_a_folder_of_one_name_is_refused(
    repository: Repository, mirror: Path, outside: Path
) -> None:
    """Written in order, the folder's files would go through the link."""
    link = run(mirror, "hash-object", "-w", "--stdin", input=os.fsencode(outside)).text
    blob = run(mirror, "hash-object", "-w", "--stdin", input=b"evil\n").text
    folder = run(mirror, "mktree", input=f"100644 blob {blob}\tapp.py\n".encode()).text
    raw = b"120000 out\0" + bytes.fromhex(link) + b"40000 out\0" + bytes.fromhex(folder)
    expect_refused(repository, mirror, raw, "treeNotSorted|duplicateEntries")
    expect_precious(outside)


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1", ".g\u200cit", ".git.", ".git ", "..", ""])
@pytest.mark.parametrize("checked_out", [True, False])
def test_a_name_that_is_gits_own_on_some_system_never_lands(
    repository: Repository, mirror: Path, name: str, checked_out: bool
) -> None:
    if not checked_out:
        repository.switch("elsewhere", create=True)
    blob = run(mirror, "hash-object", "-w", "--stdin", input=b"[core]\n").text
    folder = run(mirror, "mktree", input=f"100644 blob {blob}\tconfig\n".encode()).text
    settings = (repository.path / ".git/config").read_bytes()
    raw = b"40000 " + name.encode() + b"\0" + bytes.fromhex(folder)
    expect_refused(repository, mirror, raw, "hasDot|empty filename")
    assert (repository.path / ".git/config").read_bytes() == settings


def expect_refused(repository: Repository, mirror: Path, raw: bytes, why: str) -> None:
    """A commit of a tree that no git makes does not get into the user's repository."""
    old = repository.head
    forged = run(mirror, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw).text
    evil = commit(mirror, forged, [old], "evil", NOBODY, NOBODY)
    with pytest.raises(GitError, match=f"git refuses to bring this into the repository: .*({why})"):
        move(repository.path, mirror, "main", old, evil)
    assert repository.resolve("main") == old
    assert not moves.complete(repository.path / ".git", evil)
    assert repository.status() == []


def test_filters_that_land_run_as_the_users_own_configuration_says_and_no_other(
    repository: Repository, mirror: Path, tree: Path, tmp_path: Path, home: Path
) -> None:
    marker = tmp_path / "marker"
    (home / ".gitconfig").write_text('[filter "mine"]\n\tclean = cat\n\tsmudge = sed s/one/ONE/\n')
    (tree / ".gitattributes").write_text("src/*.py filter=mine\nsrc/lib/*.py filter=evil merge=evil diff=evil\n")
    (tree / "src/lib/util.py").write_text("changed\n")
    (tree / "src/app.py").write_text("one\nchanged\n")
    new = taken(mirror, tree, repository.head)
    with (mirror / "config").open("a") as config:
        config.write(f'[filter "evil"]\n\tsmudge = touch {marker}\n\tclean = touch {marker}\n')
    lands(repository, mirror, new)
    assert (repository.path / "src/app.py").read_text() == "ONE\nchanged\n"
    assert mirrors.read_file(mirror, new, "src/app.py") == b"one\nchanged\n"
    assert not marker.exists()
