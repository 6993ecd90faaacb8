"""The one touch of the user's repository: a branch moves from one commit to another, and nothing else changes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError, NarrowsError, WrongState
from server.git.commands import Output, run
from server.git.mirrors import TargetGone, common_dir, guard, resolve
from server.git.places import is_folder

IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "sequencer": "a cherry-pick or revert",
}
BRANCH_OF_REBASE = ("rebase-merge/head-name", "rebase-apply/head-name")


class LostRace(NarrowsError):
    """The branch is not where it was; `current` is the commit it is at (None: it is gone)."""

    status = 409
    code = "lost_race"

    def __init__(self, branch: str, current: str | None) -> None:
        super().__init__(f"The branch {branch} moved meanwhile.", "Nothing was changed; it can be tried again.")
        self.current = current


class BlockedByFiles(NarrowsError):
    """Files that the user changed locally, or never added, would be overwritten; `files` names them."""

    status = 409
    code = "blocked_by_files"

    def __init__(self, folder: Path, files: list[str]) -> None:
        shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
        super().__init__(
            f"Local changes in {folder} are in the way: {shown}.",
            "Commit, stash or move them, then land again. Nothing was touched.",
        )
        self.files = files


@dataclass(frozen=True, slots=True)
class _Checkout:
    """A worktree of the user's that has the branch checked out."""

    folder: Path
    git_dir: Path

    def ask(self, *args: str, ok: tuple[int, ...] = (0,)) -> Output:
        return run(self.git_dir, *args, work_tree=self.folder, ok=ok)


def move(source: Path, mirror: Path, branch: str, old: str, new: str) -> None:
    """Moves the user's branch from `old` to `new`, forward or backward, when it still is at `old`.

    Where a worktree of the user's has the branch checked out, its files move along; local changes, staged or not,
    and files that git does not know stay as they are, to the byte. Nothing else of the repository changes: no other
    ref, no hook runs, no FETCH_HEAD or ORIG_HEAD. Calling it again after an interruption finishes the work; a
    branch that is at `new` already is done.

    Raises:
        LostRace: the branch is at another commit; nothing changed.
        TargetGone: there is no such branch.
        BlockedByFiles: files of the user's are in the way; nothing changed.
        WrongState: the user is in the middle of a merge or rebase there; nothing changed.
        GitError: git could not do it, for example because another git holds a lock; nothing changed.
    """
    guard(mirror)
    git_dir = common_dir(source)
    if _current(git_dir, branch, old, new) == new:
        return
    _bring_objects(git_dir, mirror, new)
    checkout = _checked_out(git_dir, branch)
    if checkout is None:
        _swap(git_dir, branch, old, new)
    else:
        _move_checkout(git_dir, checkout, branch, old, new)
    current = resolve(git_dir, f"refs/heads/{branch}")
    if current != new:
        raise LostRace(branch, current)


def _current(git_dir: Path, branch: str, old: str, new: str) -> str:
    current = resolve(git_dir, f"refs/heads/{branch}")
    if current is None:
        raise TargetGone(branch)
    if current not in (old, new):
        raise LostRace(branch, current)
    return current


def _bring_objects(git_dir: Path, mirror: Path, new: str) -> None:
    """Copies commits into the user's object folder; a ref will make them reachable, none is made here."""
    if resolve(git_dir, new) is not None and _complete(git_dir, new):
        return
    run(
        git_dir,
        *("-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-prune"),
        *("--no-auto-maintenance", "--no-recurse-submodules", "--no-write-commit-graph", "--refmap="),
        *("--end-of-options", str(mirror), new),
        timeout=600,
    )


def _complete(git_dir: Path, new: str) -> bool:
    """Whether everything that `new` has and no ref of the user's reaches is there (an earlier fetch may have died)."""
    walk = run(git_dir, "rev-list", "--objects", "--quiet", "--end-of-options", new, "--not", "--all", ok=(0, 1, 128))
    return walk.code == 0


def _checked_out(git_dir: Path, branch: str) -> _Checkout | None:
    """The user's worktree that has the branch checked out.

    Raises:
        WrongState: two have it, or its folder is missing, or a rebase of the branch is under way.
    """
    ref = f"refs/heads/{branch}"
    _refuse_rebase_of(git_dir, ref)
    found = []
    records = os.fsdecode(run(git_dir, "worktree", "list", "--porcelain", "-z").out).split("\0\0")
    for number, record in enumerate(records):
        lines = record.split("\0")
        if f"branch {ref}" in lines and "bare" not in lines:
            listed = Path(lines[0].removeprefix("worktree "))
            found.append(_main_checkout(git_dir, listed) if number == 0 else _linked_checkout(listed))
    if len(found) > 1:
        raise WrongState(f"The branch {branch} is checked out twice.", "Switch one of the worktrees to another branch.")
    for checkout in found:
        if not checkout.folder.is_dir() or not checkout.git_dir.is_dir():
            raise WrongState(
                f"The branch {branch} is checked out in {checkout.folder}, which is missing.",
                "Bring the folder back, or run `git worktree prune`.",
            )
    return found[0] if found else None


def _main_checkout(git_dir: Path, listed: Path) -> _Checkout:
    """The repository's own checkout. git lists the wrong folder for one that core.worktree names, as in a submodule."""
    named = run(git_dir, "config", "--get", "core.worktree", ok=(0, 1)).out.removesuffix(b"\n")
    return _Checkout((git_dir / os.fsdecode(named)).resolve() if named else listed, git_dir)


def _linked_checkout(folder: Path) -> _Checkout:
    """A worktree, whose `.git` is a file that names its git folder."""
    try:
        content = (folder / ".git").read_bytes()
    except OSError:
        return _Checkout(folder, folder / ".git")
    named = os.fsdecode(content).removeprefix("gitdir: ").rstrip("\n")
    return _Checkout(folder, (folder / named).resolve())


def _refuse_rebase_of(git_dir: Path, ref: str) -> None:
    """A rebase detaches HEAD, and moves its branch only when it ends: over whatever the branch is at by then."""
    for each in (git_dir, *sorted((git_dir / "worktrees").glob("*"))):
        for name in BRANCH_OF_REBASE:
            head = each / name
            if head.is_file() and os.fsdecode(head.read_bytes()).strip() == ref:
                raise WrongState(
                    f"You are in the middle of a rebase of {ref.removeprefix('refs/heads/')}.",
                    "Finish or abort it, then land again.",
                )


def _move_checkout(git_dir: Path, checkout: _Checkout, branch: str, old: str, new: str) -> None:
    """Files and index first, then the branch: an interruption between them leaves the landing staged, and the same
    call finishes it. Should the branch have moved meanwhile, the files go back to where they were.
    """
    _refuse_unfinished(checkout)
    _refuse_locked(checkout)
    checkout.ask("update-index", "-q", "--refresh", ok=(0, 1, 128))
    changing = _names(checkout, "diff-tree", "-r", old, new)
    if not set(changing).intersection(_names(checkout, "diff-index", "--cached", new)):
        _expect_head(checkout, branch, old)
        _swap(git_dir, branch, old, new)  # everything that lands is staged already
        return
    blocking = _in_the_way(checkout, changing, old)
    if blocking:
        raise BlockedByFiles(checkout.folder, blocking)
    _switch_files(checkout, old, new)
    try:
        _expect_head(checkout, branch, old)
        _swap(git_dir, branch, old, new)
    except NarrowsError:
        _switch_files(checkout, new, old)
        raise


def _refuse_unfinished(checkout: _Checkout) -> None:
    for name, what in IN_PROGRESS.items():
        if os.path.lexists(checkout.git_dir / name):
            raise WrongState(
                f"You are in the middle of {what} in {checkout.folder}.", "Finish or abort it, then land again."
            )
    if checkout.ask("ls-files", "-z", "--unmerged").out:
        raise WrongState(f"{checkout.folder} has unresolved conflicts.", "Resolve them, then land again.")


def _refuse_locked(checkout: _Checkout) -> None:
    lock = checkout.git_dir / "index.lock"
    if os.path.lexists(lock):
        raise _locked(lock)


def _locked(lock: Path) -> GitError:
    return GitError(
        f"Another git process is at work in the repository ({lock} exists).",
        "Wait for it to end, or remove the file if none is running; then land again.",
    )


def _in_the_way(checkout: _Checkout, changing: Iterable[str], old: str) -> list[str]:
    """The user's files that the move would overwrite or remove although they differ from `old`; sorted.

    Stricter than `git merge`: ignored files count as well, which git would overwrite, and so do changes that are
    staged in the very form in which they land, as they could not be told from the landing if it had to be taken back.
    """
    local = {*_names(checkout, "diff-index", "--cached", old), *_names(checkout, "diff-files")}
    as_in_old = set(checkout.ask("ls-files", "-z").fields()) - local
    blocking: set[str] = set()
    for name in changing:
        if name in local:
            blocking.add(name)
        elif name not in as_in_old:
            blocking |= _unknown_at(checkout.folder, name, as_in_old)
    return sorted(blocking)


def _unknown_at(folder: Path, name: str, known: set[str]) -> set[str]:
    """What is not `known` and stands where a new file goes: a file or link on the way to it, or below it."""
    *above, _ = name.split("/")
    for depth in range(1, len(above) + 1):
        step = "/".join(above[:depth])
        if os.path.lexists(folder / step) and not is_folder(folder / step):
            return {step} - known
    if not os.path.lexists(folder / name):
        return set()
    if not is_folder(folder / name):
        return {name}
    below = (Path(parent, file) for parent, _, files in os.walk(folder / name) for file in files)
    return {os.path.relpath(file, folder) for file in below} - known


def _names(checkout: _Checkout, command: str, *args: str) -> list[str]:
    flags = ("-z", "--name-only", "--no-renames", "--ignore-submodules=all")
    return checkout.ask(command, *flags, *args).fields()


def _switch_files(checkout: _Checkout, start: str, end: str) -> None:
    """Moves index and files by git's two-tree merge, which checks everything before it touches anything."""
    done = checkout.ask("read-tree", "-m", "-u", "--end-of-options", start, end, ok=(0, 128))
    if done.code:
        _refuse_locked(checkout)
        hidden = _hidden(checkout, _names(checkout, "diff-tree", "-r", start, end))
        if hidden:
            raise BlockedByFiles(checkout.folder, hidden)
        raise GitError(f"git could not change the files in {checkout.folder}.", "The log has its words.", done.err)


def _hidden(checkout: _Checkout, changing: Iterable[str]) -> list[str]:
    """Files that `git update-index` was told to overlook, so that only the attempt shows that they are changed."""
    marked = {line[2:] for line in checkout.ask("ls-files", "-z", "-v").fields() if line[0].islower() or line[0] == "S"}
    return sorted(marked.intersection(changing))


def _expect_head(checkout: _Checkout, branch: str, old: str) -> None:
    head = checkout.ask("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).text
    if head != f"refs/heads/{branch}":
        raise LostRace(branch, resolve(checkout.git_dir, f"refs/heads/{branch}"))
    current = resolve(checkout.git_dir, "HEAD")
    if current != old:
        raise LostRace(branch, current)


def _swap(git_dir: Path, branch: str, old: str, new: str) -> None:
    """Compare and swap, by git itself: the branch moves only when it is at `old`."""
    ref = f"refs/heads/{branch}"
    words = f"narrows: land {new[:12]}" if _is_forward(git_dir, old, new) else f"narrows: undo to {new[:12]}"
    done = run(git_dir, "update-ref", "-m", words, "--end-of-options", ref, new, old, ok=(0, 1, 128))
    if not done.code:
        return
    current = resolve(git_dir, ref)
    if current is None:
        raise TargetGone(branch)
    if current != old:
        raise LostRace(branch, current)
    lock = git_dir / f"{ref}.lock"
    raise _locked(lock) if lock.exists() else GitError(f"git could not move {branch}.", stderr=done.err)


def _is_forward(git_dir: Path, old: str, new: str) -> bool:
    return run(git_dir, "merge-base", "--is-ancestor", "--end-of-options", old, new, ok=(0, 1)).code == 0
