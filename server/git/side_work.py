"""What agents committed beside what they handed in: on branches of their own, at tags, in stashes.

A worktree's git writes these into the mirror, which all worktrees share; only the time of a commit tells whose it is.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.domain.base import shown
from server.domain.errors import GitError
from server.files import open_to_read
from server.git import objects
from server.git.commands import NOBODY, run
from server.git.inspection import common_dir
from server.git.merges import EPOCH
from server.git.mirrors import HELD, guard, remove_pipes, resolve

STASH = "refs/stash"
TRASH = f"{HELD}trash/"
MOST_COMMITS = 100_000  # that are looked at; what lies behind them is found once these are put away
LARGEST_LOG = 1_000_000  # bytes of the list of stashes, from its end
ENTRY = re.compile(rb"[0-9a-f]{40,64} ([0-9a-f]{40,64}) ")


@dataclass(frozen=True, slots=True)
class SideWork:
    """A commit that nothing else leads to. `files`: one with all its files, on top of it; of most, itself.

    `where`: half a sentence; `refs`: those in the mirror that name it. `made`: when, as the commit itself says.
    """

    commit: str
    files: str
    where: str
    refs: tuple[str, ...]
    made: datetime


@dataclass(frozen=True, slots=True)
class _Commit:
    made: datetime
    parents: tuple[str, ...]


def find(mirror: Path, source: Path | None, target: str) -> list[SideWork]:
    """What is neither in the user's repository nor held below refs/narrows/, newest first.

    What a branch or tag of these contains is none of its own.

    Args:
        source: The user's repository; None: it is gone, and the trash alone counts.
        target: The branch whose copy in the mirror is Narrows' own.

    Raises:
        GitError: the user's repository can't be asked.
    """
    guard(mirror)
    remove_pipes(mirror / "refs")
    theirs = {oid for _, oid in _listed(common_dir(source))} if source else set()
    copy = f"refs/heads/{target}" if source else ""
    known = [(ref, oid) for ref, oid in _listed(mirror) if not ref.startswith(HELD)]
    named = [(ref, oid) for ref, oid in known if ref not in (copy, STASH) and oid not in theirs]
    places: dict[str, list[str]] = {}
    for ref, commit in _commits(mirror, named):
        places.setdefault(commit, []).append(ref)
    tips = list(places)
    for commit in _stashes(mirror):
        places.setdefault(commit, []).append(STASH)
    if not places:
        return []
    there = [*theirs, *(oid for ref, oid in known if ref == copy)]
    walked = _walk(mirror, places, there, below=HELD if source else TRASH)
    contained = _contained(walked, tips)
    return [
        SideWork(oid, _with_untracked(mirror, walked, oid, refs), _words(refs), tuple(refs), walked[oid].made)
        for oid, refs in ((oid, places[oid]) for oid in walked if oid in places)
        if oid not in contained
    ]


def _listed(git_dir: Path) -> list[tuple[str, str]]:
    """All refs with what they name, which may be missing where an agent wrote them."""
    found = run(git_dir, "for-each-ref", "--format=%(objectname) %(refname)").text.splitlines()
    return [(ref, oid) for oid, ref in (line.split(" ", 1) for line in found)]


def _commits(mirror: Path, named: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The refs that lead to commits, with these: a tag is an object of its own."""
    if not named:
        return
    asked = "".join(f"{oid}^{{commit}}\n" for _, oid in named).encode()
    answers = run(mirror, "cat-file", "--batch-check=%(objectname)", input=asked).text.splitlines()
    for (ref, _), answer in zip(named, answers, strict=True):
        if " " not in answer:
            yield ref, answer


def _stashes(mirror: Path) -> list[str]:
    """The commits of the stashes, newest first: of all but the newest, git keeps only a list."""
    newest = resolve(mirror, STASH)
    return list(dict.fromkeys([*([newest] if newest else []), *_logged(mirror)]))


def _logged(mirror: Path) -> list[str]:
    """That list, newest first, as git counts them."""
    file = open_to_read(mirror / "logs" / STASH)
    if file is None:
        return []
    with file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LARGEST_LOG))
        lines = file.read(LARGEST_LOG).splitlines()
    return [entry[1].decode() for line in reversed(lines) if (entry := ENTRY.match(line))]


def _walk(mirror: Path, wanted: Iterable[str], known: Iterable[str], below: str) -> dict[str, _Commit]:
    """The commits that the wanted ones lead to, and none that is known or held by a ref below there; newest first."""
    asked = "".join([*(f"{oid}\n" for oid in wanted), *(f"^{oid}\n" for oid in known)]).encode()
    command = ("rev-list", "--ignore-missing", "--timestamp", "--parents", f"--max-count={MOST_COMMITS}", "--stdin")
    walked: dict[str, _Commit] = {}
    for line in run(mirror, *command, "--not", f"--glob={below}*", input=asked, timeout=600).text.splitlines():
        seconds, oid, *parents = line.split(" ")
        walked[oid] = _Commit(_moment(int(seconds)), tuple(parents))
    return walked


def _moment(seconds: int) -> datetime:
    """An agent can write any number there."""
    with suppress(OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(seconds, UTC)
    return EPOCH


def _contained(walked: Mapping[str, _Commit], tips: Iterable[str]) -> set[str]:
    """All that the tips contain, but themselves unless another one contains them."""
    seen: set[str] = set()
    left = [parent for tip in tips if tip in walked for parent in walked[tip].parents]
    while left:
        if (oid := left.pop()) not in seen and oid in walked:
            seen.add(oid)
            left += walked[oid].parents
    return seen


def _with_untracked(mirror: Path, walked: Mapping[str, _Commit], oid: str, refs: Sequence[str]) -> str:
    """A stash with the untracked files that git keeps beside it, in a commit without history: its third parent."""
    parents = walked[oid].parents
    if STASH not in refs or len(parents) != 3 or parents[2] not in walked or walked[parents[2]].parents:
        return oid
    with suppress(GitError), tempfile.TemporaryDirectory(prefix="narrows-index-") as folder:
        index = Path(folder) / "index"
        run(mirror, "read-tree", oid, index=index)
        untracked = run(mirror, "ls-tree", "-r", "-z", "--full-tree", parents[2]).out
        run(mirror, "update-index", "--replace", "-z", "--index-info", index=index, input=untracked)
        whole = run(mirror, "write-tree", index=index).text
        return objects.commit(mirror, whole, [oid], "A stash, with its untracked files.", NOBODY, NOBODY, EPOCH)
    return oid


def _words(refs: Sequence[str]) -> str:
    named = [_word(ref) for ref in refs[:3]]
    return " and ".join([*named, *(["elsewhere"] if len(refs) > len(named) else [])])


def _word(ref: str) -> str:
    for prefix, words in (("refs/heads/", "on the branch "), ("refs/tags/", "at the tag ")):
        if ref.startswith(prefix):
            return words + shown(ref.removeprefix(prefix))
    return "in a stash" if ref == STASH else f"at {shown(ref)}"


def drop(mirror: Path, files: str) -> None:
    """Takes away the refs and stashes that name what `find` called `files`, but for a branch that a worktree is on."""
    guard(mirror)
    remove_pipes(mirror / "refs")
    in_use = {_branch_of(head) for head in (mirror / "worktrees").glob("*/HEAD")}
    named = [(ref, oid) for ref, oid in _listed(mirror) if not ref.startswith(HELD) and ref not in in_use]
    steps = "".join(f"delete {ref}\0\0" for ref, commit in _commits(mirror, named) if commit == files and ref != STASH)
    if steps:
        run(mirror, "update-ref", "--no-deref", "-z", "--stdin", input=os.fsencode(steps))
    _drop_stashes(mirror, {files, *_parents(mirror, files)})


def _branch_of(head: Path) -> str:
    file = open_to_read(head)
    if file is None:
        return ""
    with file:
        return os.fsdecode(file.read(5000)).removeprefix("ref: ").strip()


def _parents(mirror: Path, commit: str) -> list[str]:
    return run(mirror, "rev-parse", "--quiet", "--verify", f"{commit}^1", ok=(0, 1, 128)).text.split()


def _drop_stashes(mirror: Path, gone: set[str]) -> None:
    there = _logged(mirror)
    for number in reversed(range(len(there))):
        if there[number] in gone:
            run(mirror, "reflog", "delete", "--updateref", "--rewrite", f"{STASH}@{{{number}}}")
    if not _logged(mirror) and resolve(mirror, STASH) in gone:
        run(mirror, "update-ref", "--no-deref", "-d", STASH)
