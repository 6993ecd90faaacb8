"""Hooks of the user's repository: found where git finds them, and run as git runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import hooks
from tests.support.repositories import Repository


def plant(folder: Path, name: str, script: str, executable: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    hook = folder / name
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755 if executable else 0o644)
    return hook


def test_those_that_would_run_are_told_from_those_that_never_do(repository: Repository) -> None:
    folder = repository.path / ".git/hooks"
    for name in ("commit-msg", "post-merge", "pre-commit", "commit-msg.sample", "unknown"):
        plant(folder, name, "true")
    plant(folder, "pre-push", "true", executable=False)
    found = hooks.find(repository.path)
    assert (found.folder, found.run, found.others) == (folder, ["commit-msg", "post-merge"], ["pre-commit"])
    assert found.within == ""


def test_the_users_own_folder_of_hooks_counts(repository: Repository, home: Path, tmp_path: Path) -> None:
    plant(home / "hooks", "commit-msg", "true")
    (home / ".gitconfig").write_text("[core]\n\thooksPath = ~/hooks\n")
    assert hooks.find(repository.path) == hooks.Found(home / "hooks", ["commit-msg"], [], within="")
    plant(repository.path / ".husky", "post-merge", "true")
    repository.git("config", "core.hooksPath", ".husky")
    assert hooks.find(repository.path) == hooks.Found(repository.path / ".husky", ["post-merge"], [], within=".husky")
    repository.git("config", "core.hooksPath", ".husky/_")
    assert hooks.find(repository.path).within == ".husky"


def test_a_hook_runs_at_the_top_with_the_users_environment(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECIAL", "mine")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    plant(
        repository.path / ".git/hooks",
        "commit-msg",
        'pwd; echo "$SPECIAL $1"; git config core.hooksPath; git rev-parse --show-toplevel; echo no >&2; exit 7',
    )
    ran = hooks.run(repository.path, "commit-msg", "a file", seconds=20)
    assert ran.code == 7
    assert ran.output.splitlines() == [str(repository.path), "mine a file", str(repository.path), "no"]


def test_nothing_happens_without_one(repository: Repository) -> None:
    assert hooks.run(repository.path, "commit-msg", "file", seconds=20) == hooks.Ran(0, "")


def test_one_that_does_not_end_is_stopped(repository: Repository) -> None:
    plant(repository.path / ".git/hooks", "post-merge", "sleep 600")
    with pytest.raises(GitError, match=r"The post-merge hook did not end within 0\.5 seconds") as stopped:
        hooks.run(repository.path, "post-merge", "0", seconds=0.5)
    assert "turn hooks off" in stopped.value.hint
