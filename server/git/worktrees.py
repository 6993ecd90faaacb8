"""Worktrees for agents: made ready from a mirror, used again, and removed only when nothing in them is lost."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from server.domain.errors import GitError, WrongState
from server.git import contents, obstacles
from server.git.commands import run
from server.git.includes import bring
from server.git.mirrors import guard
from server.git.objects import tree_of
from server.git.places import Place, erase, is_folder, place

__all__ = ["bring", "discard", "is_kept", "is_reached", "prepare", "remove", "saved", "settle", "touched"]

GITLINK = "160000"
TICK = 0.02  # seconds; longer than the step of any kernel clock that stamps files
WHOLE_SECOND = 1_000_000_000


def prepare(mirror: Path, tree: Path, commit: str, keep: Sequence[str] = ()) -> bool:
    """Makes `tree` a clean checkout of `commit` with a detached HEAD, and tells whether it was reused.

    Whatever was in the tree is gone afterwards, but for untracked files that match a pattern of `keep` (in the syntax
    of gitignore). A reused tree is proven clean; one that can't be is made again from nothing. Nothing outside of
    `tree` is touched, whatever links an agent left in it.

    Raises:
        GitError: `commit` is not in the mirror, or the tree can't be written.
    """
    guard(mirror)
    where = place(mirror, tree)
    with suppress(GitError, OSError):
        if _reset(where, commit, keep):
            return True
    try:
        _build(where, commit)
    except OSError as trouble:
        raise _in_the_way(tree, trouble) from trouble
    return False


def _in_the_way(tree: Path, trouble: OSError) -> GitError:
    """Something stands there that its files' owner alone can remove, or that is in use."""
    return GitError(
        f"The worktree {tree} can't be made anew: {trouble.strerror} ({trouble.filename}).",
        "Remove that folder by hand, then try again.",
    )


def _reset(where: Place, commit: str, keep: Sequence[str]) -> bool:
    if not where.prepared or not is_folder(where.tree) or obstacles.find(where.tree).traps:
        return False
    _attach(where, commit)
    if not where.sealed:
        contents.distrust(where, where.index)
    _checkout(where, commit)
    _sweep(where, _kept(where, keep))
    if contents.edited(where, where.index):
        return False
    _hand_over(where, commit)
    return True


def _build(where: Place, commit: str) -> None:
    erase(where.tree)
    erase(where.private)
    where.tree.mkdir(parents=True)
    _attach(where, commit)
    _checkout(where, commit)
    _hand_over(where, commit)


def _attach(where: Place, commit: str) -> None:
    """Writes the files that make `tree` a worktree of the mirror, as gitrepository-layout(5) describes them.

    `git worktree add` would write the same ones, but keeps what an agent planted beside them.
    """
    for folder in (where.admin.parent, where.private.parent):
        _make_folder(folder)
    erase(where.admin)
    where.admin.mkdir()
    where.private.mkdir(exist_ok=True)
    erase(where.private / "index.lock")
    (where.admin / "HEAD").write_text(f"{commit}\n")
    (where.admin / "commondir").write_text("../..\n")
    (where.admin / "gitdir").write_bytes(os.fsencode(where.tree / ".git") + b"\n")
    (where.admin / "locked").write_text("Narrows uses this worktree.\n")
    link = where.tree / ".git"
    erase(link)
    with link.open("xb") as file:
        file.write(b"gitdir: " + os.fsencode(where.admin) + b"\n")


def _make_folder(folder: Path) -> None:
    """A real folder at that path, whatever an agent put there; another worktree may be made ready at this moment."""
    with suppress(FileExistsError):
        folder.mkdir()
    if not is_folder(folder):
        erase(folder)
        folder.mkdir(exist_ok=True)


def _checkout(where: Place, commit: str) -> None:
    """Brings the tracked files to `commit`. The index is ours, so no bit or time in it is an agent's."""
    run(
        where.admin,
        *("-c", "checkout.workers=0", "read-tree", "--reset", "-u", "--end-of-options", commit),
        work_tree=where.tree,
        index=where.index,
        timeout=1800,
        env={"GIT_COMMON_DIR": str(where.mirror)},
    )


def _kept(where: Place, keep: Sequence[str]) -> set[str]:
    """Untracked files and folders that match `keep`; a folder that matches is one entry."""
    if not keep:
        return set()
    patterns = [f"--exclude={pattern}" for pattern in keep]
    listed = run(
        where.mirror,
        *("ls-files", "-z", "--others", "--ignored", "--directory", *patterns),
        work_tree=where.tree,
        index=where.index,
    )
    return {name.rstrip("/") for name in listed.fields()}


def _sweep(where: Place, kept: set[str]) -> None:
    """Removes everything that the index does not name, also what `git clean` can't see: pipes, a `.git` in a folder."""
    files: set[str] = set()
    submodules: set[str] = set()
    for entry in run(where.mirror, "ls-files", "-z", "--stage", index=where.index).fields():
        about, name = entry.split("\t", 1)
        (submodules if about.startswith(GITLINK) else files).add(name)
    folders = _folders_of([*files, *submodules])
    kept_folders = _folders_of(kept)
    _sweep_folder(where.tree, "", files | {".git"}, folders, submodules, kept, kept_folders)


def _sweep_folder(
    folder: Path,
    prefix: str,
    files: set[str],
    folders: set[str],
    submodules: set[str],
    kept: set[str],
    kept_folders: set[str],
) -> None:
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        name = prefix + entry.name
        if name in files:
            continue
        real_folder = entry.is_dir(follow_symlinks=False)
        if real_folder and (name in folders or name in kept_folders):
            _sweep_folder(Path(entry.path), f"{name}/", files, folders, submodules, kept, kept_folders)
        elif name not in kept or entry.is_symlink():
            erase(Path(entry.path))
        if name in submodules:
            Path(entry.path).mkdir(exist_ok=True)


def _folders_of(names: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            if name in folders:
                break
            folders.add(name)
    return folders


def _hand_over(where: Place, commit: str) -> None:
    """Gives the agent its own copy of the index, and remembers what the tree was made from."""
    settle(where)
    shutil.copy2(where.index, where.agents_index)
    where.commit.write_text(f"{commit}\n")


def settle(where: Place) -> None:
    """Dates the private index one clock tick after the files that were just written, and seals it.

    A git that compares fine times reads every file again whose time is not before the index's, as it could have been
    changed in that same tick. Waiting for the next tick makes that needless.
    """
    if where.index.stat().st_mtime_ns % WHOLE_SECOND:
        time.sleep(TICK)
        os.utime(where.index)
    where.seal()


def touched(mirror: Path, tree: Path, base: str, exclude: Sequence[str] = ()) -> list[str]:
    """Files of the tree that differ from `base` so far, tracked or untracked, sorted; nothing is written.

    Untracked files that are ignored, or match a pattern of `exclude`, do not count.

    Raises:
        NotFound: the tree was never prepared, or its folder is gone.
    """
    guard(mirror)
    where = place(mirror, tree)
    contents.expect_tree(where)
    with contents.honest_index(where) as index:
        staged = run(
            mirror,
            *("diff-index", "-z", "--cached", "--name-only", "--no-renames", "--end-of-options", base, "--"),
            index=index,
        ).fields()
        changed = contents.edited(where, index)
        return sorted({*staged, *changed, *contents.untracked(where, index, exclude)})


def saved(mirror: Path, tree: Path, exclude: Sequence[str] = ()) -> bool:
    """Whether nothing would be lost with the tree.

    That is so when its files (less ignored ones and those matching `exclude`) are those of the commit that it was
    prepared at or of a commit held below refs/narrows/, and the agent's own HEAD is reachable from one of these.

    Raises:
        GitError: a file in it can't be read.
    """
    guard(mirror)
    where = place(mirror, tree)
    if not where.prepared:
        return not os.path.lexists(tree)
    start = where.prepared_commit()
    if is_folder(tree) and not is_kept(mirror, contents.write(where, exclude), start):
        return False
    head = where.head()
    return head is None or head == start or is_reached(mirror, head)


def is_kept(mirror: Path, content: str, start: str) -> bool:
    """Whether a tree is that of the commit `start`, or of a commit held below refs/narrows/."""
    held = run(mirror, "for-each-ref", "--format=%(tree)", "refs/narrows/").text.split()
    return content in held or content == tree_of(mirror, start)


def is_reached(mirror: Path, commit: str) -> bool:
    """Whether a commit can be reached from one that is held below refs/narrows/."""
    return bool(run(mirror, "for-each-ref", "--count=1", f"--contains={commit}", "refs/narrows/").text)


def remove(mirror: Path, tree: Path, exclude: Sequence[str] = ()) -> None:
    """Removes a worktree; nothing happens when there is none.

    Raises:
        WrongState: something in it is not saved, so it stays as it is.
        GitError: something in it can't be removed.
    """
    if not saved(mirror, tree, exclude):
        raise WrongState(
            f"The worktree {tree} has work that is not in any revision.",
            "Keep what is there as a revision, or abandon the change first.",
        )
    discard(mirror, tree)


def discard(mirror: Path, tree: Path) -> None:
    """Removes a worktree with all that is in it, which is nobody's work.

    Raises:
        GitError: something in it can't be removed.
    """
    where = place(mirror, tree)
    try:
        for part in (where.tree, where.admin, where.private):
            erase(part)
    except OSError as trouble:
        raise _in_the_way(tree, trouble) from trouble
