"""Narrows' own bare copy of a project's repository: its configuration, its refs, its objects."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from server.domain.errors import GitError, NarrowsError, NotFound
from server.git.commands import Output, execute, run
from server.git.inspection import Inspection, common_dir, default_branch, inspect

__all__ = [
    "Inspection",
    "TargetGone",
    "common_dir",
    "create",
    "default_branch",
    "fetch",
    "guard",
    "hold",
    "inspect",
    "is_ancestor",
    "merge_base",
    "read_file",
    "release",
    "resolve",
    "restore",
    "root_files",
    "tracked_files",
    "trash",
]

HELD = "refs/narrows/"
CHANGES = "refs/narrows/changes/"
TRASH = "refs/narrows/trash/"

# An agent works in a worktree of the mirror, so `git config` there writes here. What stands here is ours alone, and
# is put back before each use. It also holds for the agent's own git, so that both see a tree in the same way.
CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tfilemode = true
\tsymlinks = true
\tautocrlf = false
\tsafecrlf = false
\tfsmonitor = false
\tuntrackedCache = false
\thooksPath = /dev/null
\tlogAllRefUpdates = false
[commit]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[receive]
\tdenyCurrentBranch = refuse
[uploadpack]
\tallowAnySHA1InWant = true
"""
SHA256 = "[extensions]\n\tobjectFormat = sha256\n"
PLANTABLE = ("info/attributes", "info/grafts", "info/sparse-checkout", "objects/info/alternates", "config.worktree")


class TargetGone(NarrowsError):
    """The target branch is not in the user's repository any more."""

    status = 409
    code = "target_gone"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"The branch {branch} is not in the repository any more.",
            "Create it again, or choose another target branch for the project.",
        )


def create(source: Path, mirror: Path) -> None:
    """Makes a bare copy of `source`'s repository at `mirror`; does nothing when it is there already.

    Objects are hard links where the file system allows, and never borrowed: a copy of a repository that borrows
    from another one is complete in itself.

    Raises:
        NarrowsError: the source can't be used, as `inspect` says.
        GitError: git could not copy it.
    """
    if (mirror / "HEAD").exists():
        guard(mirror)
        return
    git_dir = common_dir(source)
    mirror.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{mirror.name}.", dir=mirror.parent) as folder:
        made = Path(folder) / "mirror"
        _clone(git_dir, made)
        guard(made)
        _copy_excludes(git_dir, made)
        with suppress(OSError):  # another one was as quick: it is as good
            made.rename(mirror)
    guard(mirror)


def _clone(git_dir: Path, made: Path) -> None:
    command = ["clone", "--quiet", "--bare", "--template=", "--dissociate"]
    try:
        execute([*command, "--local", "--", str(git_dir), str(made)], timeout=1800)
    except GitError:  # --local refuses an object folder with symlinks in it
        shutil.rmtree(made, ignore_errors=True)
        execute([*command, "--no-local", "--", str(git_dir), str(made)], timeout=1800)


def guard(mirror: Path) -> None:
    """Puts the mirror's configuration back to ours, and removes what could make git act on an agent's behalf.

    Raises:
        NotFound: there is no mirror.
    """
    config = mirror / "config"
    try:
        found = config.read_bytes()
    except FileNotFoundError:
        if not (mirror / "objects").is_dir():
            raise NotFound(f"The mirror {mirror} is gone.", "Add the project again.") from None
        found = b""
    except OSError:
        found = b""
    sha256 = re.search(rb"^\s*objectformat\s*=\s*sha256\s*$", found, re.I | re.M) is not None
    wanted = (CONFIG.format(version=int(sha256)) + SHA256 * sha256).encode()
    if found != wanted or config.is_symlink():
        _replace(config, wanted)
    for name in PLANTABLE:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(mirror / name)  # noqa: PTH108


def _replace(path: Path, content: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as fresh:
        fresh.write(content)
    os.replace(fresh.name, path)  # noqa: PTH105


def _copy_excludes(git_dir: Path, mirror: Path) -> None:
    """The user's private ignore rules hold for agents as well, or their build folders would be in every change."""
    excludes = git_dir / "info/exclude"
    content = excludes.read_bytes() if excludes.is_file() else b""
    (mirror / "info").mkdir(exist_ok=True)
    _replace(mirror / "info/exclude", content)


def fetch(source: Path, mirror: Path, branch: str) -> str:
    """Brings the user's branch to `refs/heads/<branch>` of the mirror, wherever that was, and gives its commit.

    Raises:
        TargetGone: the user's repository has no such branch.
        NarrowsError: the user's repository can't be used any more, as `inspect` says.
    """
    create(source, mirror)  # nothing to do, unless somebody removed it by hand
    git_dir = common_dir(source)
    ref = f"refs/heads/{branch}"
    wanted = resolve(git_dir, ref)
    if wanted is None:
        raise TargetGone(branch)
    _copy_excludes(git_dir, mirror)
    if resolve(mirror, ref) != wanted:
        _fetch(git_dir, mirror, ref)
    return resolve(mirror, ref) or wanted


def _fetch(git_dir: Path, mirror: Path, ref: str) -> None:
    command = [
        *("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance", "--no-prune"),
        *("--no-recurse-submodules", "--update-head-ok", "--update-shallow", "--force"),
        *("--end-of-options", str(git_dir), f"+{ref}:{ref}"),
    ]
    if run(mirror, *command, timeout=600, ok=(0, 1, 128)).code:
        _clear_the_way(mirror, ref)
        run(mirror, *command, timeout=600)


def _clear_the_way(mirror: Path, ref: str) -> None:
    """Removes what agents left among the refs that makes git refuse to fetch.

    These are refs that hold nothing (a bad name, no such object), and branches whose names can't stand beside `ref`:
    a/b beside a, or a beside a/b.
    """
    for file in sorted((mirror / "refs").rglob("*")):
        name = os.fsdecode(file.relative_to(mirror))
        if (file.is_symlink() or not file.is_dir()) and not _is_sound(mirror, name):
            file.unlink()
    listed = run(mirror, "for-each-ref", "--format=%(refname)", "refs/heads/").text.splitlines()
    for name in listed:
        if name.startswith(f"{ref}/") or ref.startswith(f"{name}/"):
            run(mirror, "update-ref", "--no-deref", "-d", "--end-of-options", name)


def _is_sound(mirror: Path, ref: str) -> bool:
    return _ask(mirror, "check-ref-format", ref).code == 0 and resolve(mirror, ref) is not None


def hold(mirror: Path, ref: str, oid: str) -> None:
    """Keeps a commit: `ref` (below refs/narrows/) points to it from now on."""
    run(mirror, "update-ref", "--no-deref", "--end-of-options", _ours(ref), oid)


def release(mirror: Path, ref: str) -> None:
    """Lets go of what `ref` holds; nothing happens when it holds nothing."""
    run(mirror, "update-ref", "--no-deref", "-d", "--end-of-options", _ours(ref))


def trash(mirror: Path, ref: str) -> str:
    """Moves a change's ref out of the way, in one step, and gives its name in the trash."""
    return _rename(mirror, ref, CHANGES, TRASH)


def restore(mirror: Path, trash_ref: str) -> str:
    """Moves a ref back out of the trash, in one step, and gives its name there."""
    return _rename(mirror, trash_ref, TRASH, CHANGES)


def _rename(mirror: Path, ref: str, old: str, new: str) -> str:
    oid = resolve(mirror, ref)
    if not ref.startswith(old) or oid is None:
        raise NotFound(f"Nothing is held as {ref}.")
    name = new + ref.removeprefix(old)
    taken = 1
    while resolve(mirror, name) not in (None, oid):
        taken += 1
        name = f"{new}{ref.removeprefix(old)}-{taken}"
    steps = f"start\0update {name}\0{oid}\0\0delete {ref}\0{oid}\0prepare\0commit\0"
    run(mirror, "update-ref", "--no-deref", "-z", "--stdin", input=os.fsencode(steps))
    return name


def _ours(ref: str) -> str:
    if not ref.startswith(HELD):
        raise NotFound(f"{ref} is not a name for work held by Narrows.")
    return ref


def resolve(mirror: Path, name: str) -> str | None:
    """The commit that a ref or an object id names; None when it names none."""
    found = _ask(mirror, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
    return None if found.code else found.text


def is_ancestor(mirror: Path, a: str, b: str) -> bool:
    """Whether commit `b` contains commit `a` (a commit contains itself)."""
    return run(mirror, "merge-base", "--is-ancestor", "--end-of-options", a, b, ok=(0, 1)).code == 0


def merge_base(mirror: Path, a: str, b: str) -> str | None:
    """The best common ancestor of two commits; None when they have no history in common."""
    found = run(mirror, "merge-base", "--end-of-options", a, b, ok=(0, 1))
    return None if found.code else found.text


def tracked_files(mirror: Path, commit: str) -> list[str]:
    """Names at the top of a commit's tree, files and folders."""
    return run(mirror, "ls-tree", "-z", "--name-only", "--end-of-options", commit).fields()


def read_file(mirror: Path, commit: str, path: str, limit: int = 4_000_000) -> bytes | None:
    """A file's content in a commit; of a symlink, its target.

    None when there is no such file, when it is a folder or a submodule, or larger than `limit` bytes.
    """
    listed = run(mirror, "ls-tree", "-z", "-l", "--full-tree", "--end-of-options", commit, "--", path)
    for name, oid, size in _blobs(listed):
        if name == path and size <= limit:
            return run(mirror, "cat-file", "blob", "--end-of-options", oid).out
    return None


def root_files(mirror: Path, commit: str, limit: int = 65_536) -> dict[str, bytes]:
    """The files at the top of a commit's tree that are not larger than `limit` bytes, by name."""
    listed = run(mirror, "ls-tree", "-z", "-l", "--end-of-options", commit)
    small = [(name, oid, size) for name, oid, size in _blobs(listed) if size <= limit]
    if not small:
        return {}
    asked = "".join(f"{oid}\n" for _, oid, _ in small).encode()
    out = run(mirror, "cat-file", "--batch=%(objectname)", input=asked).out
    files, at = {}, 0
    for name, oid, size in small:
        at += len(oid) + 1
        files[name] = out[at : at + size]
        at += size + 1
    return files


def _blobs(listed: Output) -> list[tuple[str, str, int]]:
    """Name, object id and size of the files in `ls-tree -z -l`'s answer."""
    blobs = []
    for entry in listed.fields():
        about, name = entry.split("\t", 1)
        _, kind, oid, size = about.split()
        if kind == "blob":
            blobs.append((name, oid, int(size)))
    return blobs


def _ask(git_dir: Path, *args: str) -> Output:
    """A question whose answer may be no: git says that with 1 or 128."""
    return run(git_dir, *args, ok=(0, 1, 128))
