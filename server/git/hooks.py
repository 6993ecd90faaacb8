"""The hooks of the user's own repository: which it has, and running one as git would."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError
from server.git.commands import as_user, discover, setting_of
from server.git.inspection import common_dir

EVERY_CODE = tuple(range(-64, 256))  # also when it was stopped with the server
OF_LANDINGS = ("commit-msg", "post-merge", "pre-push")
OF_COMMITS = ("pre-commit", "pre-merge-commit", "prepare-commit-msg", "post-commit", "post-rewrite")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a repository's hooks are, and by name those that run at a landing and those that don't.

    `within` is the folder below the top of the checkout where what lands can change them; empty where none can.
    """

    folder: Path
    run: list[str]
    others: list[str]
    within: str


@dataclass(frozen=True, slots=True)
class Ran:
    """How a hook ended: its exit code (0 also where there is none), and all that it said."""

    code: int
    output: str


def find(source: Path) -> Found:
    """The hooks of the repository at `source`, where the user's configuration (`core.hooksPath`) has them.

    Raises:
        GitError: It can't be read.
    """
    top = Path(os.fsdecode(discover(source, "rev-parse", "--show-toplevel").out).removesuffix("\n"))
    named = setting_of(source, "core.hooksPath", "--type=path")
    folder = top / named if named else common_dir(source) / "hooks"
    there = {name for name in (*OF_LANDINGS, *OF_COMMITS) if os.access(folder / name, os.X_OK)}
    return Found(
        folder,
        run=[name for name in OF_LANDINGS if name in there],
        others=[name for name in OF_COMMITS if name in there],
        within=_within(top.resolve(), folder.resolve()),
    )


def _within(top: Path, folder: Path) -> str:
    """Hooks in a folder `_` are made by a tool, and start those of the folder above it."""
    if not folder.is_relative_to(top) or folder.is_relative_to(top / ".git"):
        return ""
    place = folder.relative_to(top)
    return os.fspath(place.parent if place.name == "_" else place)


def run(checkout: Path, name: str, *args: str, seconds: float) -> Ran:
    """Runs a hook in a checkout of the user's, with their environment; nothing happens where there is none.

    Raises:
        GitError: It did not end in time, and was stopped with all that it started.
    """
    try:
        done = as_user(checkout, "hook", "run", "--ignore-missing", name, "--", *args, timeout=seconds, ok=EVERY_CODE)
    except GitError as error:
        raise GitError(
            f"The {name} hook did not end within {seconds:g} seconds and was stopped.",
            "Make it quicker, or turn hooks off on the project's page.",
            error.stderr,
        ) from error
    return Ran(done.code, (os.fsdecode(done.out) + done.err).strip())
