"""Narrows' own bare copy of a project's repository: its configuration, its refs, its objects."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from threading import RLock

from server.domain.errors import GitError, NarrowsError, NotFound
from server.files import open_to_read
from server.git.commands import Output, execute, run
from server.git.inspection import Inspection, common_dir, default_branch, inspect

__all__ = [
    "Inspection",
    "TargetGone",
    "bring",
    "common_dir",
    "create",
    "default_branch",
    "fetch",
    "guard",
    "held",
    "hold",
    "inspect",
    "is_ancestor",
    "merge_base",
    "plain_tip",
    "read_file",
    "release",
    "release_all",
    "remove_pipes",
    "resolve",
    "root_files",
    "tip",
    "tracked_files",
]

HELD = "refs/narrows/"
BRANCHES = "refs/narrows/trash/branches/"  # what agents' branches named that stood in the way

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
\tcommitGraph = false
\tuseReplaceRefs = false
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
LARGEST_CONFIG = 100_000  # bytes; ours has far fewer
# Of the mirror and of each worktree git reads these whatever it is asked; a pipe in their place would hold it up.
READ_BY_GIT = ("HEAD", "packed-refs", "shallow", "info/exclude", "gitdir", "commondir")
PLANTABLE = ("info/attributes", "info/grafts", "info/sparse-checkout", "objects/info/alternates", "config.worktree")


class TargetGone(NarrowsError):
    """The target branch is not in the user's repository any more, or not on its `remote`."""

    status = 409
    code = "target_gone"

    def __init__(self, branch: str, remote: str = "") -> None:
        super().__init__(
            f"The branch {branch} is not {f'on {remote}' if remote else 'in the repository'} any more.",
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
    file = open_to_read(config)
    if file is None and not (mirror / "objects").is_dir():
        raise NotFound(f"The mirror {mirror} is gone.", "Add the project again.")
    with file or BytesIO() as said:
        found = said.read(LARGEST_CONFIG)
    sha256 = re.search(rb"^\s*objectformat\s*=\s*sha256\s*$", found, re.I | re.M) is not None
    wanted = (CONFIG.format(version=int(sha256)) + SHA256 * sha256).encode()
    if found != wanted or config.is_symlink():
        _replace(config, wanted)
    for name in PLANTABLE:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(mirror / name)  # noqa: PTH108
    for admin in (mirror, *(mirror / "worktrees").glob("*")):
        for name in READ_BY_GIT:
            if (admin / name).is_fifo():
                os.unlink(admin / name)  # noqa: PTH108
    for refs in (mirror / "worktrees").glob("*/refs"):
        remove_pipes(refs)
    if not os.path.lexists(mirror / "HEAD"):
        _replace(mirror / "HEAD", b"ref: refs/heads/main\n")


def remove_pipes(folder: Path) -> None:
    """A git that asks for all refs would wait for what a pipe among them says."""
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False) and Path(entry.path).is_fifo():
                    os.unlink(entry.path)  # noqa: PTH108


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
    ref = f"refs/heads/{branch}"
    create(source, mirror)  # nothing to do, unless somebody removed it by hand
    git_dir = common_dir(source)
    with undisturbed(mirror):
        wanted = tip(git_dir, branch)
        if wanted is None:
            inspect(source)  # which says why, where nothing of it can be read any more
            raise TargetGone(branch)
        return _bring(git_dir, mirror, wanted, branch, named=ref)


def bring(source: Path, mirror: Path, commit: str, branch: str) -> str:
    """Brings a commit that the user's repository has, perhaps under no ref, to `refs/heads/<branch>` of the mirror.

    Raises:
        NarrowsError: as `fetch` does.
    """
    create(source, mirror)
    return _bring(common_dir(source), mirror, commit, branch, named=commit)


@contextmanager
def undisturbed(mirror: Path) -> Iterator[None]:
    """Only one at a time changes the mirror's branches: git would refuse the other one."""
    with _locks[mirror]:
        yield


_locks: defaultdict[Path, RLock] = defaultdict(RLock)
_brought: dict[tuple[Path, str], str] = {}  # what is there for certain: an agent may write any id into a branch's file


def follow(mirror: Path, branch: str, old: str, new: str) -> None:
    """The user's branch was moved to a commit that the mirror made: its copy comes along, if it was where that was."""
    if not _ask(mirror, "update-ref", "--no-deref", "--end-of-options", f"refs/heads/{branch}", new, old).code:
        _brought[mirror, branch] = new


def _bring(git_dir: Path, mirror: Path, wanted: str, branch: str, *, named: str) -> str:
    ref = f"refs/heads/{branch}"
    _copy_excludes(git_dir, mirror)
    if (mirror / ref).is_fifo():  # an agent put it there, and git would wait for what it says
        (mirror / ref).unlink()
    with undisturbed(mirror):
        if plain_tip(mirror, branch) == wanted == _brought.get((mirror, branch)):
            return wanted
        was = resolve(mirror, ref)
        if was != wanted:
            if was and resolve(git_dir, was) is None:  # an agent moved it: only the mirror has what it made
                hold(mirror, f"{BRANCHES}{was}", was)
            remove_pipes(mirror / "refs")
            _fetch(git_dir, mirror, named, ref)
            wanted = resolve(mirror, ref) or wanted
        _brought[mirror, branch] = wanted
        return wanted


def _fetch(git_dir: Path, mirror: Path, named: str, ref: str) -> None:
    command = [
        *("-c", "protocol.version=2"),  # which serves a commit that no ref names
        *("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance", "--no-prune"),
        *("--no-recurse-submodules", "--update-head-ok", "--update-shallow", "--force"),
        *("--end-of-options", str(git_dir), f"+{named}:{ref}"),
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
            if oid := resolve(mirror, name):
                hold(mirror, f"{BRANCHES}{oid}", oid)
            run(mirror, "update-ref", "--no-deref", "-d", "--end-of-options", name)


def _is_sound(mirror: Path, ref: str) -> bool:
    return _ask(mirror, "check-ref-format", ref).code == 0 and resolve(mirror, ref) is not None


def hold(mirror: Path, ref: str, oid: str) -> None:
    """Keeps a commit: `ref` (below refs/narrows/) points to it from now on."""
    run(mirror, "update-ref", "--no-deref", "--end-of-options", _ours(ref), oid)


def release(mirror: Path, ref: str) -> None:
    """Lets go of what `ref` holds; nothing happens when it holds nothing."""
    run(mirror, "update-ref", "--no-deref", "-d", "--end-of-options", _ours(ref))


def release_all(mirror: Path, *refs: str) -> None:
    """Lets go of what these refs hold, and all refs below those that end with a slash; of what is not there, nothing
    happens.
    """
    if not mirror.exists():
        return
    steps = "".join(f"delete {ref}\0\0" for ref in held(mirror, *map(_ours, refs)))
    if steps:
        run(mirror, "update-ref", "--no-deref", "-z", "--stdin", input=os.fsencode(steps))


def held(mirror: Path, *refs: str) -> dict[str, str]:
    """The commits that these refs hold, and all refs below those that end with a slash, by the refs' names."""
    listed = run(mirror, "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", *refs).text.splitlines()
    return {ref: oid for kind, oid, ref in (line.split(" ", 2) for line in listed) if kind == "commit"}


def _ours(ref: str) -> str:
    if not ref.startswith(HELD):
        raise NotFound(f"{ref} is not a name for work held by Narrows.")
    return ref


def tip(git_dir: Path, branch: str) -> str | None:
    """The commit that a branch is at right now; None when there is no such branch."""
    return plain_tip(git_dir, branch) or resolve(git_dir, f"refs/heads/{branch}")


def plain_tip(git_dir: Path, branch: str) -> str | None:
    """The same, read from the file in which git keeps it; None where that says nothing, as when branches are packed
    into one file, or this one is another name for one: then git knows.
    """
    with open_to_read(git_dir / "refs/heads" / branch) or BytesIO() as file:
        said = file.read(100)
    found = re.fullmatch(rb"([0-9a-f]{40}|[0-9a-f]{64})\n", said)
    return found[1].decode() if found else None


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
