"""The user's own repository, read; and a repository made of a folder, for the sample project."""

from __future__ import annotations

import os
from pathlib import Path

from server.git import commands, configuration, mirrors


def found(folder: Path, message: str) -> str:
    """Make `folder` a repository with one commit of all that is in it on the branch `main`; its id."""
    commands.execute(["init", "--quiet", "--initial-branch=main", "--template=", os.fspath(folder)])
    person = configuration.identity(folder)
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", person.name), ("EMAIL", person.email))
    }
    commands.run(folder / ".git", "add", "--all", work_tree=folder)
    commands.run(folder / ".git", "commit", "--quiet", "-m", message, work_tree=folder, env=who)
    return commands.run(folder / ".git", "rev-parse", "HEAD").text


def tip(source: Path, branch: str) -> str | None:
    """The commit that a branch of the user's repository is at right now; None when it is gone."""
    return mirrors.tip(mirrors.common_dir(source), branch)


def is_forward(source: Path, old: str, new: str) -> bool:
    """Whether `new`, a commit of the user's repository, contains the commit `old` of it."""
    return mirrors.is_ancestor(mirrors.common_dir(source), old, new)
