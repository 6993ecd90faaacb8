"""Several worktrees of one mirror are made ready at the same moment, from the very first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from server.git import places, worktrees
from tests.support.repositories import Repository


def test_first_worktrees_are_made_side_by_side(
    repository: Repository, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(4)
    looked = places.is_folder

    def look(path: Path) -> bool:
        found = looked(path)
        if path.parent == mirror and not found and together.n_waiting < 4:
            together.wait(10)  # all of them have seen that the folder is not there
        return found

    monkeypatch.setattr(worktrees, "is_folder", look)
    folder = tmp_path / "trees"
    folder.mkdir()
    trees = [folder / str(number) for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda tree: worktrees.prepare(mirror, tree, repository.head), trees))

    for tree in trees:
        assert (tree / "src/app.py").read_text() == "one\ntwo\nthree\n"
        assert worktrees.saved(mirror, tree)
