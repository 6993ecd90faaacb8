"""What a change does and what has to come out, known without git: edits of lines, and how they are put together."""

from __future__ import annotations

import hashlib
import random

from tests.support.loose import EXECUTABLE, PLAIN
from tests.support.seen import Content

FILES = 14
LINES = 24

Files = dict[str, Content]


class Clash(Exception):
    """Both sides changed the same lines, or lines that touch."""


def merged(base: Files, ours: Files, theirs: Files) -> Files:
    """Three sides put together. Raises: Clash."""
    result: Files = {}
    for path in base.keys() | ours.keys() | theirs.keys():
        content = _merged(base.get(path), ours.get(path), theirs.get(path))
        if content is not None:
            result[path] = content
    return result


def _merged(base: Content | None, ours: Content | None, theirs: Content | None) -> Content | None:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if base is None or ours is None or theirs is None:
        raise Clash
    mode = theirs[0] if ours[0] == base[0] else ours[0]
    return mode, _lines(base[1], ours[1], theirs[1])


def _lines(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Edits replace lines and add none, so that lines are known by their numbers."""
    three = [each.split(b"\n") for each in (base, ours, theirs)]
    mine = {n for n, (old, new) in enumerate(zip(three[0], three[1], strict=True)) if old != new}
    other = {n for n, (old, new) in enumerate(zip(three[0], three[2], strict=True)) if old != new}
    if theirs in (base, ours):
        return ours
    if any(n in other or n + 1 in other or n - 1 in other for n in mine):
        raise Clash
    return b"\n".join(new if n in other else old for n, (old, new) in enumerate(zip(three[1], three[2], strict=True)))


class Author:
    """Somebody who edits files, so that no two lines of all that is written are alike."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.written = 0

    def line(self) -> bytes:
        self.written += 1
        return hashlib.sha1(b"%d" % self.written, usedforsecurity=False).hexdigest().encode()

    def file(self) -> Content:
        return PLAIN, b"".join(self.line() + b"\n" for _ in range(LINES))

    def edit(self, files: Files, most: int = 3) -> Files:
        """The files after one to `most` edits."""
        edited = dict(files)
        for _ in range(self.chance.randint(1, most)):
            path = self.chance.choice(sorted(edited.keys() - {".gitignore"}))
            what = self.chance.random()
            if what < 0.7:
                edited[path] = (edited[path][0], self._replaced(edited[path][1]))
            elif what < 0.85:
                edited[f"src/new{self.written}/{self.written}.txt"] = self.file()
            elif what < 0.93 and len(edited) > FILES // 2:
                del edited[path]
            else:
                edited[path] = (EXECUTABLE if edited[path][0] == PLAIN else PLAIN, edited[path][1])
        return edited

    def _replaced(self, content: bytes) -> bytes:
        lines = content.split(b"\n")
        at = self.chance.randrange(len(lines) - 1)
        lines[at] = self.line()
        return b"\n".join(lines)
