from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import NotFound
from server.git import blobs, commands
from tests.support.repositories import Repository


def test_many_files_are_read_by_two_processes(mirror: Path) -> None:
    contents = [f"file {n}\n\0\n".encode() * n for n in range(300)]
    oids = [blobs.write(mirror, content) for content in contents]
    before = commands.started()
    assert blobs.read(mirror, oids) == dict(zip(oids, contents, strict=True))
    assert commands.started() - before == 2


def test_sizes_are_told_without_the_contents(mirror: Path) -> None:
    oid = blobs.write(mirror, b"x" * 5000)
    assert blobs.sizes(mirror, [oid, "0" * 40]) == {oid: 5000}


def test_large_and_missing_ones_and_what_is_no_file_are_left_out(mirror: Path, repository: Repository) -> None:
    small, large = blobs.write(mirror, b"1234"), blobs.write(mirror, b"12345")
    asked = [small, large, "0" * 40, "f" * 40, repository.head, "", "HEAD:README.md", f"{small}\n{large}", small]
    assert blobs.read(mirror, asked, limit=4) == {small: b"1234"}


def test_nothing_is_asked_of_git_for_nothing(mirror: Path) -> None:
    before = commands.started()
    assert blobs.read(mirror, []) == {}
    assert commands.started() == before


def test_a_mirror_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        blobs.read(tmp_path / "none.git", ["0" * 40])
