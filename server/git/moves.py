"""The one touch of the user's repository: a branch moves from one commit to another, and nothing else changes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.domain.base import few, shown
from server.domain.errors import GitError, NarrowsError, WrongState
from server.git.commands import Output, Talk, run, talk
from server.git.mirrors import TargetGone, common_dir, guard, plain_tip, remove_pipes, resolve
from server.git.places import is_folder

IN_PROGRESS = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "sequencer": "a cherry-pick or revert",
    "BISECT_LOG": "a bisect",
}
SUBMODULE = 0o160000
FEW = 4_000_000  # bytes of objects
BRANCHES_OF_REBASE = ("rebase-merge/head-name", "rebase-apply/head-name", "rebase-merge/update-refs")


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
        super().__init__(
            f"Local changes in {folder} are in the way: {few(files)}.",
            "Commit, stash or move them, then land again. Nothing was touched.",
        )
        self.files = files


class LockedByGit(GitError):
    """Another git is at work in the repository, and says so by the file `lock`, which goes when it ends."""

    status = 409
    code = "locked_by_git"

    def __init__(self, lock: Path) -> None:
        super().__init__(
            f"Another git process is at work in the repository ({lock} exists).",
            "Wait for it to end, or remove the file if none is running; then land again.",
        )
        self.lock = lock


@dataclass(frozen=True, slots=True)
class _Checkout:
    """A worktree of the user's that has the branch checked out."""

    folder: Path
    git_dir: Path

    def ask(self, *args: str, ok: tuple[int, ...] = (0,), whole: bool = False) -> Output:
        return run(self.git_dir, *args, work_tree=self.folder, ok=ok, whole=whole)


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
        LockedByGit: another git is at work there; nothing changed.
        GitError: git could not do it; nothing changed.
    """
    guard(mirror)
    git_dir = common_dir(source)
    branch, current = _real(git_dir, branch)
    if current == new:
        return
    if current != old:
        raise LostRace(branch, current)
    if not _few_objects(git_dir, mirror, old, new):
        bring_objects(git_dir, mirror, new)
    checkout = _checked_out(git_dir, branch)
    if checkout is None:
        with _held(git_dir, git_dir, branch, old, new) as held:
            _swap(held)
    else:
        _move_checkout(git_dir, checkout, branch, old, new)


def checkout_of(source: Path, branch: str) -> Path | None:
    """The user's worktree that has the branch checked out; None where none has it.

    Raises:
        WrongState: as `move` does.
    """
    git_dir = common_dir(source)
    branch, _ = _real(git_dir, branch)
    found = _checked_out(git_dir, branch)
    return found.folder if found else None


def _real(git_dir: Path, branch: str) -> tuple[str, str]:
    """The branch itself, where the name is only another one for it (worktrees say that they have that one), and the
    commit that it is at.
    """
    ref = f"refs/heads/{branch}"
    if plain := plain_tip(git_dir, branch):
        return branch, plain
    listed = run(git_dir, "for-each-ref", "--format=%(symref):%(objectname):%(refname)", "--end-of-options", ref).text
    for real, commit, name in (line.split(":") for line in listed.splitlines()):
        if name == ref:
            return real.removeprefix("refs/heads/") or branch, commit
    raise TargetGone(branch)


def _few_objects(git_dir: Path, mirror: Path, old: str, new: str) -> bool:
    """Copies what the commits on top of `old` bring, in two git processes where a fetch takes seven. Whether that could
    be done: where it is much, or git refuses any of it, a fetch does it or says why not.
    """
    remove_pipes(mirror / "refs")  # it reads all tags
    (mirror / "narrows").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="landing-", dir=mirror / "narrows") as folder:
        command = ("-c", "core.fsync=none", "pack-objects", "--revs", "--compression=0", "-q", f"{folder}/pack")
        packed = run(mirror, *command, input=f"{new}\n^{old}\n".encode(), timeout=600, ok=(0, 1, 128))
        pack = Path(folder) / f"pack-{packed.text}.pack"
        if packed.code or pack.stat().st_size > FEW:
            return False
        taken = run(git_dir, "index-pack", "--stdin", "--strict", input=pack.read_bytes(), timeout=600, ok=(0, 1, 128))
        return taken.code == 0  # `unpack-objects --strict` lets harmful settings of submodules through


def bring_objects(git_dir: Path, mirror: Path, new: str) -> None:
    """Copies commits into the user's object folder; a ref will make them reachable, none is made here. git itself looks
    whether all that they need is there already: an earlier fetch may have died.

    Raises:
        GitError: with git's own words, for example about an object that could do harm where it is checked out.
    """
    remove_pipes(mirror / "refs")  # the git that serves it reads all of them
    brought = run(
        git_dir,
        *("-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-prune"),
        *("--no-auto-maintenance", "--no-recurse-submodules", "--no-write-commit-graph", "--refmap="),
        *("--end-of-options", str(mirror), new),
        timeout=600,
        ok=(0, 1, 128),
    )
    if brought.code:
        said = brought.err.splitlines() or [f"exit code {brought.code}"]
        reasons = [line for line in said if "upload-pack" not in line]  # that one only says that it was broken off
        words = shown([*reasons, *said][0].removeprefix("remote: ").strip())
        raise GitError(
            f"git refuses to bring this into the repository: {words}.",
            "Nothing was changed there. Send the change back with these words.",
            brought.err,
        )


def complete(git_dir: Path, new: str) -> bool:
    """Whether `new` is there with all that no ref of the user's reaches (an earlier fetch may have died)."""
    walk = run(git_dir, "rev-list", "--objects", "--quiet", "--end-of-options", new, "--not", "--all", ok=(0, 1, 128))
    return walk.code == 0


def _checked_out(git_dir: Path, branch: str) -> _Checkout | None:
    """The user's worktree that has the branch checked out.

    Raises:
        WrongState: two have it, or its folder is missing, or a rebase of the branch is under way.
    """
    ref = f"refs/heads/{branch}"
    _refuse_rebase_of(git_dir, ref)
    if _is_plain(git_dir) and (git_dir / "HEAD").read_bytes() == os.fsencode(f"ref: {ref}\n"):
        return _Checkout(git_dir.parent, git_dir)
    found, locked = [], False
    records = os.fsdecode(run(git_dir, "worktree", "list", "--porcelain", "-z").out).split("\0\0")
    for number, record in enumerate(records):
        lines = record.split("\0")
        if f"branch {ref}" in lines and "bare" not in lines:
            listed = Path(lines[0].removeprefix("worktree "))
            found.append(_main_checkout(git_dir, listed) if number == 0 else _linked_checkout(listed))
            locked = any(line.split(" ")[0] == "locked" for line in lines)
    if len(found) > 1:
        raise WrongState(f"The branch {branch} is checked out twice.", "Switch one of the worktrees to another branch.")
    for checkout in found:
        if not checkout.folder.is_dir() or not checkout.git_dir.is_dir():
            raise WrongState(
                f"The branch {branch} is checked out in {checkout.folder}, which is missing.",
                f"Bring the folder back, or run {'`git worktree unlock` and ' * locked}`git worktree prune`.",
            )
    return found[0] if found else None


def _is_plain(git_dir: Path) -> bool:
    """Whether the repository has one checkout, around its `.git`: then git need not be asked which ones there are."""
    said = (git_dir / "config").read_bytes().lower()
    moved = any(word in said for word in (b"worktree", b"include", b"extensions"))
    alone = git_dir.name == ".git" and not (git_dir / "worktrees").exists()
    return alone and not moved and re.findall(rb"bare.*", said) == [b"bare = false"]


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
        for name in BRANCHES_OF_REBASE:
            file = each / name
            if file.is_file() and ref in os.fsdecode(file.read_bytes()).splitlines():
                raise WrongState(
                    f"You are in the middle of a rebase of {ref.removeprefix('refs/heads/')}.",
                    "Finish or abort it, then land again.",
                )


def _move_checkout(git_dir: Path, checkout: _Checkout, branch: str, old: str, new: str) -> None:
    """Files and index first, then the branch, which git holds for us meanwhile: until both are there the user's git
    refuses to commit, and does not take along what is not on the branch yet. An interruption between the two leaves
    the landing staged and no lock, and the same call finishes it.
    """
    _refuse_unfinished(checkout)
    _refuse_locked(checkout)
    changing = _changing(checkout, old, new)
    with _held(git_dir, checkout.git_dir, branch, old, new) as held:
        standing = _Standing.of(checkout)
        if standing.head != (branch, old):
            raise LostRace(branch, resolve(git_dir, f"refs/heads/{branch}"))
        if standing.staged.issuperset(changing) and not _staged_otherwise(checkout, changing, new):
            _swap(held)  # everything that lands is staged already
            return
        if blocking := _in_the_way(checkout, changing, standing.local):
            raise BlockedByFiles(checkout.folder, blocking)
        _switch_files(checkout, old, new)
        try:
            _swap(held)
        except NarrowsError:
            _switch_files(checkout, new, "HEAD")
            raise


def _refuse_unfinished(checkout: _Checkout) -> None:
    for name, what in IN_PROGRESS.items():
        if os.path.lexists(checkout.git_dir / name):
            raise WrongState(
                f"You are in the middle of {what} in {checkout.folder}.", "Finish or abort it, then land again."
            )


def _refuse_locked(checkout: _Checkout) -> None:
    lock = checkout.git_dir / "index.lock"
    if os.path.lexists(lock):
        raise LockedByGit(lock)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a checkout stands: its branch with the commit, names that are staged otherwise than there, and names whose
    files are otherwise than staged. What a submodule's own folder holds is no file of the checkout.
    """

    head: tuple[str, str]
    staged: set[str]
    edited: set[str]

    @property
    def local(self) -> set[str]:
        return self.staged | self.edited

    @classmethod
    def of(cls, checkout: _Checkout) -> _Standing:
        """Raises: WrongState: There are unresolved conflicts."""
        how = ("--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--no-renames", "--no-ahead-behind")
        head: dict[str, str] = {}
        staged, edited = set(), set()
        for line in checkout.ask("status", *how, "--ignore-submodules=dirty").fields():
            kind, rest = line.split(" ", 1)
            if kind == "#":
                key, value = rest.split(" ", 1)
                head[key] = value
            elif kind == "1":
                state, submodule, *_, name = rest.split(" ", 7)
                staged.update([name] if state[0] != "." else [])
                edited.update([name] if state[1] != "." and submodule == "N..." else [])
            else:
                raise WrongState(f"{checkout.folder} has unresolved conflicts.", "Resolve them, then land again.")
        return cls((head["branch.head"], head["branch.oid"]), staged, edited)


@dataclass(frozen=True, slots=True)
class _Modes:
    """What a name is before and after: git's modes, 0 where it is nothing."""

    before: int
    after: int


def _changing(checkout: _Checkout, old: str, new: str) -> dict[str, _Modes]:
    """The names that are otherwise in one commit than in the other."""
    flags = ("-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none")
    fields = checkout.ask("diff-tree", *flags, "--end-of-options", old, new).fields()
    modes = (_Modes(*(int(mode, 8) for mode in about[1:].split(" ")[:2])) for about in fields[::2])
    return dict(zip(fields[1::2], modes, strict=True))


def _staged_otherwise(checkout: _Checkout, changing: Iterable[str], new: str) -> set[str]:
    flags = ("--cached", "-z", "--name-only", "--no-renames", "--ignore-submodules=none")
    return set(changing).intersection(checkout.ask("diff-index", *flags, "--end-of-options", new).fields())


def _in_the_way(checkout: _Checkout, changing: Mapping[str, _Modes], local: set[str]) -> list[str]:
    """The user's files that the move would overwrite or remove although they differ from where it begins; sorted.

    Stricter than `git merge`: ignored files count as well, which git would overwrite, and so do changes that are
    staged in the very form in which they land, as they could not be told from the landing if it had to be taken back.
    """
    as_before = {name for name, modes in changing.items() if modes.before} - local
    blocking = local.intersection(changing)
    for name in changing.keys() - local - as_before:
        if changing[name].after != SUBMODULE or not is_folder(checkout.folder / name):  # that has a folder of its own
            blocking |= _unknown_at(checkout.folder, name, as_before)
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


def _switch_files(checkout: _Checkout, start: str, end: str) -> None:
    """Moves index and files by git's two-tree merge, which checks everything before it touches anything."""
    command = ("read-tree", "-m", "-u", "--end-of-options", start, end)
    if not checkout.ask(*command, ok=(0, 128), whole=True).code:
        return
    _refuse_locked(checkout)
    checkout.ask("update-index", "-q", "--refresh", ok=(0, 1, 128))  # to git, a file that was touched is another one
    done = checkout.ask(*command, ok=(0, 128), whole=True)
    if done.code:
        _refuse_locked(checkout)
        if hidden := _hidden(checkout, _changing(checkout, start, end)):
            raise BlockedByFiles(checkout.folder, hidden)
        raise GitError(f"git could not change the files in {checkout.folder}.", "The log has its words.", done.err)


def _hidden(checkout: _Checkout, changing: Iterable[str]) -> list[str]:
    """Files that `git update-index` was told to overlook, so that only the attempt shows that they are changed."""
    marked = {line[2:] for line in checkout.ask("ls-files", "-z", "-v").fields() if line[0].islower() or line[0] == "S"}
    return sorted(marked.intersection(changing))


@contextmanager
def _held(git_dir: Path, own: Path, branch: str, old: str, new: str) -> Iterator[Talk]:
    """The branch, held at `old` by git itself, and the HEAD of `own`, a checkout's git folder, if that is on it: nobody
    else moves them, until `_swap` does.

    The locks go with the process that has them, which ends with this one: a server that dies leaves none.
    """
    ref = f"refs/heads/{branch}"
    with talk(own, "update-ref", "-m", f"narrows: move to {new[:12]}", "-z", "--stdin") as git:
        git.say(f"start\0update {ref}\0{new}\0{old}\0prepare\0")
        if (git.hear(), git.hear()) != ("start: ok", "prepare: ok"):
            raise _why_not(git_dir, own, branch, old, git.end())
        yield git


def _swap(held: Talk) -> None:
    """The branch moves, as the second half of a compare and swap."""
    held.say("commit\0")
    if held.hear() != "commit: ok":
        raise GitError("git could not move the branch.", stderr=held.end())


def _why_not(git_dir: Path, own: Path, branch: str, old: str, words: str) -> NarrowsError:
    ref = f"refs/heads/{branch}"
    current = resolve(git_dir, ref)
    if current is None:
        return TargetGone(branch)
    if current != old:
        return LostRace(branch, current)
    for lock in (git_dir / f"{ref}.lock", own / "HEAD.lock"):
        if os.path.lexists(lock):
            return LockedByGit(lock)
    return GitError(f"git could not move {branch}.", stderr=words)
