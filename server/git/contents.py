"""What is in a worktree right now, as a tree object. The worktree and what git keeps for it stay as they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.domain.base import shown
from server.domain.errors import DiskFull, GitError, NotFound
from server.files import open_to_read
from server.git import obstacles
from server.git.commands import Output, run
from server.git.places import Place, is_folder

GITLINK, LINK = "160000", "120000"
SHA256_LENGTH = 64
MANY = 1000  # files that are stored in one pack; a loose object each would take most of a large turn's end
LARGEST = 100_000_000  # bytes that are new or changed, in all; what reads a diff holds several times as much in memory
LARGEST_INDEX = 500_000_000  # bytes; more than a million files have


class TooLarge(GitError):
    """What was changed in a worktree is more than a revision can hold."""

    status = 409
    code = "too_large"


def write(where: Place, exclude: Sequence[str] = (), also: Sequence[str] = (), most: int | None = None) -> str:
    """Stores all files of a worktree in the mirror, and gives the id of the tree object.

    These are tracked files as they are on disk, untracked ones that are not ignored, and ignored ones that the agent
    added to its own index. Files that match a pattern of `exclude` (in the syntax of gitignore) enter only where they
    were tracked from the start. A repository inside the tree enters as plain files, unless `.gitmodules` names it.
    Pipes and sockets do not enter. Only files that changed since the tree was prepared are read. `also` are names of
    files to take although they are ignored. `most` is how many bytes may be new or changed.

    Raises:
        NotFound: the tree was never prepared, or its folder is gone.
        TooLarge: more than `most` is new or changed.
        GitError: a file can't be read, or git takes no file of that name; the sentence names it.
    """
    expect_tree(where)
    with tempfile.TemporaryDirectory(prefix="narrows-index-") as folder, honest_index(where) as known:
        index = Path(folder) / "index"
        shutil.copy2(known, index)
        changes = _changes(where, index, exclude)
        present = [*changes.present, *also]
        if most is not None:
            _expect_at_most(where, present, most)
        _remove(where, index, changes.gone)
        _add(where, index, present)
        return run(where.mirror, "write-tree", index=index).text


@contextmanager
def honest_index(where: Place) -> Iterator[Path]:
    """The private index, or a copy without what it says of the files on disk, where others may have written to it.

    An agent that goes looking for it can mark a file as never to be looked at, or forge its size and times.
    """
    if where.sealed:
        yield where.index
        return
    with tempfile.TemporaryDirectory(prefix="narrows-index-") as folder:
        index = Path(folder) / "index"
        distrust(where, index)
        yield index


def distrust(where: Place, index: Path) -> None:
    """Writes to `index` the names and contents of the private index, and of the disk what is there now.

    Where that can't be read, nothing is known, and all files are new.
    """
    listed = run(where.mirror, "ls-files", "-z", "--stage", index=where.index, ok=(0, 128))
    index.unlink(missing_ok=True)
    run(where.mirror, "read-tree", "--empty", index=index)
    run(where.mirror, "update-index", "-z", "--index-info", index=index, input=b"" if listed.code else listed.out)
    refresh = ("update-index", "-q", "--refresh")
    run(where.mirror, *refresh, work_tree=where.tree, index=index, ok=(0, 1), timeout=1800)


def expect_tree(where: Place) -> None:
    """Refuses a folder that is not a worktree, or not any more: behind a link would be files of somebody else.

    Raises:
        NotFound: as described.
        GitError: git would be held up by what is there, or can't open a folder of it; the sentence names it.
    """
    if not where.prepared:
        raise NotFound(f"{where.tree} is not a worktree of Narrows.")
    if not is_folder(where.tree):
        raise NotFound(f"The worktree {where.tree} is gone.", "Start the work again.")
    found = obstacles.find(where.tree)
    if found.traps:
        raise GitError(
            f"{_quoted(found.traps[0])} in the worktree is nothing that git can read.", "Remove it, then try again."
        )
    if found.closed:
        _expect_ignored(where, found.closed)


def _expect_ignored(where: Place, closed: Sequence[str]) -> None:
    """Folders that can't be opened are nobody's loss only where git would not have looked into them."""
    asked = [name for name in closed if name]
    ignored = _ignored(where, asked, ()) if asked else set()
    for name in closed:
        if name not in ignored:
            raise GitError(
                f"The folder {_quoted(name or str(where.tree))} in the worktree can't be opened.",
                "Give it back its rights, or move what is too deep in it, then try again.",
            )


def untracked(where: Place, index: Path, exclude: Sequence[str]) -> list[str]:
    """Files of the tree that the index does not name and nothing ignores; a repository in it ends with a slash."""
    patterns = [f"--exclude={pattern}" for pattern in exclude]
    return _ask(where, index, "ls-files", "-z", "--others", "--exclude-standard", *patterns).fields()


def edited(where: Place, index: Path) -> list[str]:
    """Tracked files that are not on disk what the index names.

    A file that has the stored bytes is not edited, even where its attributes ask for other line ends: git would call
    it modified when it was written in the same second as the index, and store it anew.
    """
    listed = iter(_ask(where, index, "diff-files", "-z", "--raw", "--no-abbrev", "--ignore-submodules=dirty").fields())
    return [name for about, name in zip(listed, listed, strict=True) if not _same_bytes(where.tree, name, about)]


def _same_bytes(tree: Path, name: str, about: str) -> bool:
    """Whether a file is, to the byte and the executable bit, the old side of a line of `git diff --raw`."""
    mode, _, blob, _, letter = about.removeprefix(":").split(" ")
    file = open_to_read(tree / name) if letter == "M" and _storable(tree, name) else None
    if file is None:
        return False
    with file:
        now = os.fstat(file.fileno())
        if mode != ("100755" if now.st_mode & 0o100 else "100644"):
            return False
        digest = hashlib.sha256() if len(blob) == SHA256_LENGTH else hashlib.sha1(usedforsecurity=False)
        digest.update(b"blob %d\0" % now.st_size)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == blob


@dataclass(slots=True)
class _Changes:
    gone: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


def _changes(where: Place, index: Path, exclude: Sequence[str]) -> _Changes:
    changes = _Changes()
    ours = _entries(run(where.mirror, "ls-files", "-z", "--stage", index=index))
    theirs = _agents_entries(where)
    _sort_tracked(where, index, ours, changes)
    plain: list[str] = []
    nested: list[str] = []
    for name in untracked(where, index, exclude):
        (nested if name.endswith("/") else plain).append(name.rstrip("/"))
    changes.present += plain
    submodules = _registered_submodules(where, theirs) if nested else set()
    changes.present += [name for name in nested if name in submodules]
    opened = [name for name in nested if name not in submodules]
    filled = [name for name, mode in ours.items() if mode == GITLINK and _is_filled(where.tree / name)]
    changes.gone += filled
    changes.present += _files_below(where, [*opened, *filled], exclude)
    known = {*ours, *plain, *nested}
    changes.present += _added_by_agent(where, index, [name for name in theirs if name not in known], exclude)
    return changes


def _sort_tracked(where: Place, index: Path, ours: dict[str, str], changes: _Changes) -> None:
    """Tracked files that differ from the index, by whether something that git can store is still there."""
    for name in edited(where, index):
        kept = _storable(where.tree, name) or (ours.get(name) == GITLINK and is_folder(where.tree / name))
        (changes.present if kept else changes.gone).append(name)


def _entries(listed: Output) -> dict[str, str]:
    """Names and modes of `ls-files -z --stage`."""
    entries = {}
    for entry in listed.fields():
        about, name = entry.split("\t", 1)
        entries[name] = about.split(" ", 1)[0]
    return entries


def _agents_entries(where: Place) -> dict[str, str]:
    """What the agent's own index names; nothing when the agent broke it."""
    if where.agents_index.is_symlink() or not where.agents_index.is_file():
        return {}
    if where.agents_index.stat().st_size > LARGEST_INDEX:
        return {}
    with tempfile.TemporaryDirectory(prefix="narrows-index-") as folder:
        copied = Path(folder) / "index"
        try:
            shutil.copy2(where.agents_index, copied)
        except OSError:
            return {}
        listed = run(where.mirror, "ls-files", "-z", "--stage", index=copied, ok=(0, 128))
    return {} if listed.code else _entries(listed)


def _registered_submodules(where: Place, theirs: dict[str, str]) -> set[str]:
    """Repositories in the tree that the agent added as submodules: its index has a link, `.gitmodules` the path."""
    modules = where.tree / ".gitmodules"
    if not modules.is_file() or modules.is_symlink():
        return set()
    listed = run(
        where.mirror,
        *("config", f"--file={modules}", "--no-includes", "-z", "--get-regexp", r"^submodule\..*\.path$"),
        ok=(0, 1, 128),
    )
    paths = {entry.partition("\n")[2] for entry in listed.fields()} if not listed.code else set()
    return {path for path in paths if theirs.get(path) == GITLINK}


def _is_filled(folder: Path) -> bool:
    """Whether a submodule's place holds files that belong to no repository."""
    return is_folder(folder) and not os.path.lexists(folder / ".git") and any(folder.iterdir())


def _files_below(where: Place, folders: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """All files below `folders` that nothing ignores, repositories opened."""
    found = [name for folder in folders for name in _walk(where.tree, folder)]
    if not found:
        return []
    ignored = _ignored(where, found, ())
    if exclude:
        with tempfile.NamedTemporaryFile("w", prefix="narrows-exclude-") as patterns:
            patterns.write("".join(f"{pattern}\n" for pattern in exclude))
            patterns.flush()
            ignored |= _ignored(where, found, ("-c", f"core.excludesFile={patterns.name}"))
    return [name for name in found if name not in ignored]


def _ignored(where: Place, names: Iterable[str], flags: Sequence[str]) -> set[str]:
    """Those of the names that gitignore rules match. check-ignore knows no literal names, so `./` takes their magic."""
    asked = b"".join(b"./" + os.fsencode(name) + b"\0" for name in names)
    command = (*flags, "check-ignore", "--no-index", "-z", "--stdin")
    magic = {"GIT_LITERAL_PATHSPECS": "0"}
    found = run(where.mirror, *command, work_tree=where.tree, input=asked, ok=(0, 1), env=magic)
    return {name.removeprefix("./") for name in found.fields()}


def _walk(tree: Path, folder: str) -> Iterator[str]:
    folders = [folder]
    while folders:
        above = folders.pop()
        with os.scandir(tree / above) as entries:
            for entry in entries:
                name = f"{above}/{entry.name}"
                if entry.name == ".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                    yield name


def _added_by_agent(where: Place, index: Path, names: list[str], exclude: Sequence[str]) -> list[str]:
    """Of the names that only the agent's index knows (it added them although they are ignored), those to take."""
    there = [name for name in names if _storable(where.tree, name)]
    if not there or not exclude:
        return there
    patterns = [f"--exclude={pattern}" for pattern in exclude]
    excluded = set(_ask(where, index, "ls-files", "-z", "--others", "--ignored", *patterns).fields())
    return [name for name in there if name not in excluded]


def _storable(tree: Path, name: str) -> bool:
    """Whether `name` is a file or a link, reached through real folders only."""
    *above, _ = name.split("/")
    folder = tree
    for part in above:
        folder = folder / part
        if not is_folder(folder):
            return False
    try:
        mode = (tree / name).lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _remove(where: Place, index: Path, names: Sequence[str]) -> None:
    if names:
        listed = b"".join(os.fsencode(name) + b"\0" for name in names)
        run(
            where.mirror,
            "update-index",
            "--force-remove",
            "-z",
            "--stdin",
            work_tree=where.tree,
            index=index,
            input=listed,
        )


def _expect_at_most(where: Place, names: Sequence[str], most: int) -> None:
    sizes = {name: (where.tree / name).lstat().st_size for name in names if _storable(where.tree, name)}
    if sum(sizes.values()) <= most:
        return
    stored = {name: sizes[name] for name in sizes.keys() - _filtered(where, sizes)}
    if (total := sum(stored.values())) > most:
        largest = max(stored, key=lambda name: stored[name])
        raise TooLarge(
            f"{_megabytes(total)} are new or changed in the worktree, {_megabytes(stored[largest])} of them in"
            f" {_quoted(largest)}: more than the {_megabytes(most)} that a revision holds.",
            "Remove what does not belong to the change, or have git ignore it, then try again.",
        )


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000:,} MB"


def _filtered(where: Place, names: Iterable[str]) -> set[str]:
    """Those of the names that a filter of the user's configuration takes in: git stores what it makes of them."""
    asked = b"".join(os.fsencode(name) + b"\0" for name in names)
    listed = iter(
        run(where.mirror, "check-attr", "-z", "--stdin", "filter", work_tree=where.tree, input=asked).fields()
    )
    known = run(
        where.mirror, "config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process)$", ok=(0, 1)
    )
    filters = {name.split(".", 1)[1].rpartition(".")[0] for name in known.fields()}
    return {name for name, _, value in zip(listed, listed, listed, strict=True) if value in filters}


def _add(where: Place, index: Path, names: Sequence[str]) -> None:
    if not names:
        return
    try:
        words = _update(where, index, names)
    except DiskFull:
        raise
    except GitError as error:
        raise _why_not(where, index, names, error) from error
    if not words:
        return
    entries = _entries(run(where.mirror, "ls-files", "-z", "--stage", index=index))
    for name in names:  # git only warns of a name that it takes from nobody, such as .GIT/config
        if not _is_entered(where.tree / name, entries.get(name)):
            raise GitError(
                f"git takes no file with the name {_quoted(name)}: it could do harm where it is checked out.",
                "Rename or remove it, then try again.",
            )


def _update(where: Place, index: Path, names: Sequence[str]) -> str:
    """Brings these names to the index as they are on disk, all or none; what git warns of."""
    listed = b"".join(os.fsencode(name) + b"\0" for name in names)
    in_one = ("-c", "core.bigFileThreshold=1") if len(names) > MANY else ()
    command = (*in_one, "update-index", "--add", "--remove", "--replace", "-z", "--stdin")
    return run(where.mirror, *command, work_tree=where.tree, index=index, input=listed, timeout=1800).err


def _is_entered(path: Path, mode: str | None) -> bool:
    if not os.path.lexists(path) or mode is None:
        return mode is None and not os.path.lexists(path)
    return is_folder(path) if mode == GITLINK else path.is_symlink() == (mode == LINK)


def _why_not(where: Place, index: Path, names: Sequence[str], error: GitError) -> GitError:
    """The sentence for the first of the files that git can't store."""
    for name in names:
        if not (where.tree / name).is_symlink() and not os.access(where.tree / name, os.R_OK):
            return GitError(
                f"The file {_quoted(name)} in the worktree can't be read.", "Give it back its rights, then try again."
            )
    while len(names) > 1:
        half = len(names) // 2
        try:
            _update(where, index, names[:half])
            names = names[half:]
        except GitError:
            names = names[:half]
    return GitError(
        f"git can't store the file {_quoted(names[0])} of the worktree.",
        "See what `.gitattributes` asks for it; the log has git's words.",
        error.stderr,
    )


def _quoted(name: str) -> str:
    return f"'{shown(name)}'"


def _ask(where: Place, index: Path, *args: str) -> Output:
    return run(where.mirror, *args, work_tree=where.tree, index=index)
