"""Which changes would conflict: many three-way merges asked of git at once, of which nothing remains.

A merge depends on three trees alone, so each side is put into a commit whose only history is the base that it has to be
merged on. These commits, and all that git makes of them, are in a folder of their own on top of the mirror's objects.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from server.domain.errors import GitError
from server.git import attributes
from server.git.attributes import Attributes
from server.git.commands import NOBODY, run
from server.git.merges import FILES, answer, merge_tree
from server.git.mirrors import guard

TIMEOUT = 600
MEMORY = Path("/dev/shm")
ROOM = 2_000_000_000  # bytes
PATHS = ("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--name-status", "--ignore-submodules=none")
ASIDE = re.compile(r"~(?:[0-9a-f]{40}|[0-9a-f]{64})(?:_\d+)?\Z")  # a side's name, where git has put its file aside
PERSON = f"{NOBODY.name} <{NOBODY.email}> 0 +0000"


class Side(NamedTuple):
    """What one change does: from the tree `base` to the tree `head`."""

    base: str
    head: str


Question = tuple[Side | None, Side]  # does the second one conflict, once the first has landed (None: right away)


def foresee(mirror: Path, target: str, asked: Iterable[Question]) -> dict[Question, list[str]]:
    """The files in which each second one conflicts on top of `target` and its first, sorted; none where it is clean.

    It is what landing both, one after the other, would say. Left out is what has no answer: a first that conflicts
    itself can't land. A handful of git processes, however much is asked, and some more for a first that changes
    attributes; nothing is written to the mirror.

    Raises:
        GitError: `target` or one of the trees is not in the mirror.
    """
    guard(mirror)
    questions = list(dict.fromkeys(asked))
    with _scratch(mirror) as scratch:
        every = dict.fromkeys(side for question in questions for side in question if side)
        tree, *_ = scratch.trees([f"{target}^{{tree}}", *dict.fromkeys(tree for side in every for tree in side)])
        sides = list(dict.fromkeys(first or second for first, second in questions))
        held = attributes.of(mirror, tree)
        merged = scratch.merge([_Three(side.base, tree, side.head, held) for side in sides])
        alone = dict(zip(sides, merged, strict=True))
        landed = {side: merged.tree for side, merged in alone.items() if not merged.conflicts}
        pairs = [(first, second) for first, second in questions if first in landed]
        apart = _Apart(scratch, tree, landed, pairs)
        hard = [(first, second) for first, second in pairs if not apart.surely(first, second)]
        own = {first: scratch.attributes(landed[first]) for first, _ in hard if apart.changes_attributes(first)}
        merged = scratch.merge(
            [_Three(second.base, landed[first], second.head, own.get(first, held)) for first, second in hard]
        )
    answers: dict[Question, list[str]] = {(None, side): alone[side].conflicts for first, side in questions if not first}
    answers |= {pair: [] for pair in pairs}
    return answers | {pair: found.conflicts for pair, found in zip(hard, merged, strict=True)}


class _Three(NamedTuple):
    """The trees of a merge, and the attributes of `ours`, by which it is made."""

    base: str
    ours: str
    theirs: str
    by: Attributes


@dataclass(frozen=True, slots=True)
class _Merged:
    tree: str
    conflicts: list[str]


class _Scratch:
    """A place for objects on top of a mirror's."""

    def __init__(self, mirror: Path, objects: Path) -> None:
        self._mirror, self._objects = mirror, objects
        (objects / "info").mkdir()
        (objects / "info/alternates").write_bytes(os.fsencode(mirror.resolve() / "objects") + b"\n")
        self._env = {"GIT_OBJECT_DIRECTORY": str(objects)}
        self._commits: dict[bytes, str] = {}  # ids by content

    def trees(self, names: Sequence[str]) -> list[str]:
        """The trees of these names. A merge takes one that is not there for an empty one, so it is looked at before."""
        listed = self._run("cat-file", "--batch-check", input="".join(f"{name}\n" for name in names))
        found = [line.split() for line in os.fsdecode(listed).splitlines()]
        for name, (_, kind, *_) in zip(names, found, strict=True):
            if kind != "tree":
                raise GitError(f"{name} is not in {self._mirror}.")
        return [oid for oid, *_ in found]

    def merge(self, asked: Sequence[_Three]) -> list[_Merged]:
        """What becomes of each three, in one git process for all that are made by the same attributes.

        Commits are shared: one of ours has every base that it is merged on as a parent, and what it has in common with
        one of theirs is the only base of that. On its own base, theirs is what comes out.
        """
        hard = [each for each in dict.fromkeys(asked) if each.base != each.ours]
        bases = {each.base: self._commit(each.base) for each in hard}
        parents: dict[str, dict[str, None]] = {}
        for each in hard:
            parents.setdefault(each.ours, {})[bases[each.base]] = None
        mine = {tree: self._commit(tree, on) for tree, on in parents.items()}
        theirs = {each: self._commit(each.theirs, [bases[each.base]]) for each in hard}
        groups: dict[Attributes, list[_Three]] = {}
        for each in hard:
            groups.setdefault(each.by, []).append(each)
        found: dict[_Three, _Merged] = {}
        for by, group in groups.items():
            lines = "".join(f"{mine[each.ours]} {theirs[each]}\n" for each in group).encode()
            out = merge_tree(self._mirror, by, *FILES, "--stdin", input=lines, env=self._env).out
            found |= zip(group, _merges(out), strict=True)
        return [found.get(each, _Merged(each.theirs, [])) for each in asked]

    def attributes(self, tree: str) -> Attributes:
        return attributes.of(self._mirror, tree, self._objects)

    def paths(self, asked: Sequence[tuple[str, str]]) -> list[_Paths]:
        """What differs between the two trees of each pair, in one git process."""
        found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        fields = iter(os.fsdecode(self._run(*PATHS, input="".join(f"{old} {new}\n" for old, new in asked))).split("\0"))
        here: list[tuple[str, str]] = []
        for field in fields:
            *headings, status = field.split("\n")  # each pair is on a line, the last one's before its first file
            if headings:
                here = found.setdefault(tuple(headings[-1].split()), [])
            if status:
                here.append((status, next(fields)))
        return [_Paths.of(found.get(pair, [])) for pair in asked]

    def _run(self, *args: str, input: str = "") -> bytes:
        """Nothing is asked of git where nothing is asked."""
        if not input and "--stdin" in args:
            return b""
        return run(self._mirror, *args, input=input.encode(), env=self._env, timeout=TIMEOUT).out

    def _commit(self, tree: str, parents: Iterable[str] = ()) -> str:
        """Stored as git stores a loose object, without a git process for each."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        body = "\n".join([*lines, f"author {PERSON}", f"committer {PERSON}", "", "forecast\n"]).encode()
        if body not in self._commits:
            whole = b"commit %d\0" % len(body) + body
            name = hashlib.sha1(whole, usedforsecurity=False) if len(tree) == 40 else hashlib.sha256(whole)
            oid = self._commits[body] = name.hexdigest()
            folder = self._objects / oid[:2]
            folder.mkdir(exist_ok=True)
            (folder / oid[2:]).write_bytes(zlib.compress(whole, 1))
        return self._commits[body]


@contextmanager
def _scratch(mirror: Path) -> Iterator[_Scratch]:
    with tempfile.TemporaryDirectory(prefix="narrows-forecast-", dir=_memory()) as folder:
        yield _Scratch(mirror, Path(folder))


def _memory() -> Path | None:
    """A folder that is no disk, where there is one with plenty of room: hundreds of small files come and go at once."""
    try:
        return MEMORY if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM else None
    except OSError:
        return None


def _merges(out: bytes) -> Iterator[_Merged]:
    """Each merge is its status (in this mode 1 is clean), its answer, and an empty field."""
    fields = iter(os.fsdecode(out).split("\0")[:-1])
    for status in fields:
        tree, names = answer(fields)
        yield _Merged(tree, [] if status == "1" else sorted({ASIDE.sub("", name) for name in names}))


@dataclass(frozen=True, slots=True)
class _Paths:
    """What a difference touches: its files, the folders above them, and whether files come or go."""

    files: frozenset[str]
    folders: frozenset[str]
    adds: bool
    deletes: bool

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str]]) -> _Paths:
        listed = list(entries)
        files = frozenset(path for _, path in listed)
        folders = frozenset(map(str, chain.from_iterable(PurePosixPath(path).parents for path in files)))
        letters = {status for status, _ in listed}
        return cls(files, folders, "A" in letters, "D" in letters)

    def meets(self, other: _Paths) -> bool:
        """Whether both touch a file, or one of them a file where the other has a folder."""
        return not (
            self.files.isdisjoint(other.files)
            and self.files.isdisjoint(other.folders)
            and self.folders.isdisjoint(other.files)
        )


class _Apart:
    """Tells pairs that can't conflict, so that git is not asked about them.

    Two sides of a merge that touch no path in common conflict only where one of them has moved something (it deletes
    and adds) and the other one adds, perhaps to a folder that has moved.
    """

    def __init__(
        self, scratch: _Scratch, tree: str, landed: dict[Side, str], pairs: Sequence[tuple[Side, Side]]
    ) -> None:
        firsts = list(dict.fromkeys(first for first, _ in pairs))
        seconds = list(dict.fromkeys(second for _, second in pairs))
        asked = [
            *((tree, landed[first]) for first in firsts),
            *((second.base, tree) for second in seconds),
            *((second.base, second.head) for second in seconds),
        ]
        found = iter(scratch.paths(asked))
        self._first = {first: next(found) for first in firsts}
        self._moved = {second: next(found) for second in seconds}
        self._second = {second: next(found) for second in seconds}

    def changes_attributes(self, first: Side) -> bool:
        return any(PurePosixPath(path).name == ".gitattributes" for path in self._first[first].files)

    def surely(self, first: Side, second: Side) -> bool:
        ours, moved, theirs = self._first[first], self._moved[second], self._second[second]
        if theirs.meets(ours) or theirs.meets(moved):
            return False
        adds, deletes = ours.adds or moved.adds, ours.deletes or moved.deletes
        return not ((adds and deletes and theirs.adds) or (theirs.adds and theirs.deletes and adds))
