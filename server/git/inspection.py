"""What a folder of the user's is, before Narrows works with it; nothing is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.git.commands import discover, run
from server.git.places import is_folder


@dataclass(frozen=True, slots=True)
class Inspection:
    """A user's repository.

    `root` is the top of the checkout, `git_dir` the folder that all its worktrees share, `branch` the checked-out
    branch (None when HEAD is detached), `branches` every local branch by name, `head` the checked-out commit.
    """

    root: Path
    git_dir: Path
    branch: str | None
    branches: list[str]
    head: str


def inspect(path: Path) -> Inspection:
    """Looks at the repository that `path` is in; `path` may be any folder of it, or of a linked worktree.

    Raises:
        NarrowsError: with a `code` of its own for each reason why it can't be used.
    """
    _expect_readable_folder(path)
    try:
        found = discover(path, "rev-parse", "--path-format=absolute", "--is-bare-repository", "--git-common-dir").text
    except GitError as error:
        raise _why_unreadable(path, error) from error
    bare, git_dir = found.split("\n", 1)
    try:
        top = discover(path, "rev-parse", "--show-toplevel").out
    except GitError as error:
        raise _no_checkout(path, bare == "true") from error
    root = Path(os.fsdecode(top).removesuffix("\n"))
    head = discover(root, "rev-parse", "--quiet", "--verify", "HEAD^{commit}", ok=(0, 1, 128))
    if head.code:
        raise NarrowsError(
            f"{root} has no commit on its checked-out branch yet.", "Commit something, then add it again.", "no_commits"
        )
    branch = discover(root, "symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).text or None
    listed = run(Path(git_dir), "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/").text
    return Inspection(root, Path(git_dir), branch, listed.splitlines(), head.text)


def default_branch(inspection: Inspection) -> str:
    """The branch to propose as the target: the checked-out one, else the remote's own, else main or master.

    Raises:
        NarrowsError: the repository has no local branch.
    """
    if inspection.branch:
        return inspection.branch
    remote = run(
        inspection.git_dir, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", ok=(0, 1)
    ).text.removeprefix("origin/")
    for name in (remote, "main", "master", *inspection.branches):
        if name in inspection.branches:
            return name
    raise NarrowsError(f"{inspection.root} has no branch.", "Create one with `git switch -c main`.", "no_branches")


def common_dir(source: Path) -> Path:
    """The git folder of a user's repository, given any folder in it or that folder itself.

    Raises:
        NarrowsError: as `inspect` says.
    """
    stamp = _stamp(source)
    if stamp and (known := _common_dirs.get(source)) and known[0] == stamp:
        return known[1]
    git_dir = _found_common_dir(source)
    if stamp:
        _common_dirs[source] = (stamp, git_dir)
    return git_dir


_common_dirs: dict[Path, tuple[tuple[object, ...], Path]] = {}  # asked for many times at each landing


def _stamp(source: Path) -> tuple[object, ...] | None:
    """Where this is the same, so is what git says of the folder: whose it is, and which `.git` it has."""
    marker = source / ".git"
    try:
        folder, found = source.stat(), marker.lstat()
    except OSError:
        return None
    linked = () if is_folder(marker) else (found.st_mtime_ns, found.st_size)
    whole = (marker / "HEAD").exists()
    return (folder.st_ino, folder.st_uid, found.st_dev, found.st_ino, found.st_uid, found.st_mode, whole, *linked)


def _found_common_dir(source: Path) -> Path:
    if source.is_dir():
        found = discover(source, "rev-parse", "--path-format=absolute", "--git-common-dir", ok=(0, 128))
        if not found.code:
            return Path(os.fsdecode(found.out).removesuffix("\n"))
    return inspect(source).git_dir


def _expect_readable_folder(path: Path) -> None:
    try:
        exists, folder = path.exists(), path.is_dir()
    except OSError:
        exists, folder = True, True
    if not exists:
        raise NarrowsError(
            f"There is no folder {path}.", "If it was moved or renamed, give its new path.", code="missing_folder"
        )
    if not folder:
        raise NarrowsError(f"{path} is not a folder.", "Give the folder that the repository is in.", "not_a_folder")
    if not os.access(path, os.R_OK | os.X_OK):
        raise NarrowsError(
            f"{path} can't be read.", "Give the user that Narrows runs as the right to read it.", "unreadable"
        )


def _passed_over(marker: Path) -> bool:
    """Whether a `.git` is a folder with nothing of a repository in it: git looks for one further up."""
    parts = ("HEAD", "objects", "refs")
    return (
        marker.is_dir() and os.access(marker, os.R_OK | os.X_OK) and not any((marker / part).exists() for part in parts)
    )


def _why_unreadable(path: Path, error: GitError) -> NarrowsError:
    """git says 128 for all of these, so the folder itself is asked."""
    for folder in (path.resolve(), *path.resolve().parents):
        marker = folder / ".git"
        if not os.path.lexists(marker) or _passed_over(marker):
            continue
        if not os.access(marker, os.R_OK):
            return NarrowsError(
                f"{marker} can't be read.", "Give the user that Narrows runs as the right to read it.", "unreadable"
            )
        if folder.stat().st_uid != os.geteuid() or marker.stat().st_uid != os.geteuid():
            return NarrowsError(
                f"{folder} belongs to another user, and git refuses to trust it.",
                f"If you trust it, run: git config --global --add safe.directory '{folder}'",
                "dubious_ownership",
            )
        failed = GitError(f"git can't read the repository at {folder}.", "Run `git fsck` in it.", error.stderr)
        failed.code = "broken_repository"
        return failed
    return NarrowsError(f"{path} is not in a git repository.", "Run `git init` in it, or give another.", "not_git")


def _no_checkout(path: Path, bare: bool) -> NarrowsError:
    if bare:
        return NarrowsError(
            f"{path} is a bare repository, without a checkout.", "Clone it, and give the clone's folder.", "bare"
        )
    return NarrowsError(f"{path} is inside of a .git folder.", "Give the folder above it.", "inside_git_dir")
