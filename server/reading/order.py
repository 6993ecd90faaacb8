"""In which order the files of a change are read, and which are folded.

What is read first gets most of the attention: changed source by the size of its change, each file's tests beside it,
then what is neither, then what nobody wrote by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol


class Changed(Protocol):
    """A file of a diff."""

    @property
    def path(self) -> str: ...
    @property
    def additions(self) -> int | None: ...
    @property
    def deletions(self) -> int | None: ...


_SOURCE = re.compile(
    r".*\.(pyi?|[cm]?jsx?|tsx?|vue|svelte|c|h|cc|cpp|hpp|cxx|rs|go|java|kts?|scala|clj|cs|fs|swift|mm?|rb|php|p[lm]|exs?|erl"
    r"|hs|mli?|lua|r|jl|dart|zig|nim|(ba|z|fi)?sh|ps1|sql|html?|css|s[ac]ss|less)",
    re.IGNORECASE,
)
_LOCK = re.compile(r".*\.lock(b|file)?|.*[.-]lock\.(json|ya?ml)|npm-shrinkwrap\.json|go\.sum", re.IGNORECASE)
_GENERATED = re.compile(
    r"\.min\.(js|css|mjs)$|\.map$|_pb2(_grpc)?\.pyi?$|\.pb\.go$|\.snap$|\.generated\.|(^|/)__generated__/"
)
_BUILT = re.compile(r"(^|/)(dist|build|out|target)/")
_VENDORED = re.compile(r"(^|/)(vendor|vendored|node_modules|third_party)/")
_TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__)/|(^|/)(test|spec)_[^/]*$|[._-](test|spec)s?\.[^/]+$|(^|/)conftest\.py$", re.I
)
_AFFIXES = re.compile(r"^(test|spec)_|[._-](test|spec)s?$", re.I)


@lru_cache(8192)  # it is asked several times for each file of a page
def folded(path: str) -> str:
    """Why nobody reads this file line by line, in a few words; empty where somebody should."""
    name = path.rpartition("/")[2].lower()
    if _LOCK.fullmatch(name):
        return "lock file"
    if _VENDORED.search(path):
        return "vendored"
    if _GENERATED.search(path):
        return "generated"
    return "build output" if _BUILT.search(path) else ""


def is_test(path: str) -> bool:
    """Whether a file is a test, by its name."""
    return _TEST.search(path) is not None


def is_source(path: str) -> bool:
    """Whether a file is source that somebody wrote, and no test, by its name."""
    return not (is_test(path) or folded(path)) and _SOURCE.fullmatch(path) is not None


@dataclass(frozen=True)
class Group:
    """Files that are read one after the other, and why here; `places` are theirs in the list that was ordered."""

    why: str
    places: list[int]


def groups(files: Sequence[Changed]) -> list[Group]:
    """The files in the order in which to read them, in groups that each have a reason; none is empty."""
    paths = [file.path for file in files]
    sizes = [_size(file) for file in files]
    places = sorted(range(len(files)), key=lambda n: (-sizes[n], paths[n]))
    generated = [n for n in places if folded(paths[n])]
    written = [n for n in places if not folded(paths[n])]
    tests = [n for n in written if is_test(paths[n])]
    tested = set(tests)
    source = [n for n in written if n not in tested and _SOURCE.fullmatch(paths[n])]
    told = {*tests, *source}
    rest = [n for n in written if n not in told]
    about: dict[str, list[int]] = {}
    for place in tests:
        about.setdefault(_subject(paths[place]), []).append(place)
    first: list[int] = []
    for place in source:
        first += [place, *about.pop(_stem(paths[place]), [])]
    beside = set(first)
    tests = [n for n in tests if n not in beside]
    found = [
        Group("Source, the most changed first, each with its tests", first),
        Group("Other tests", tests),
        Group("The rest", rest),
        Group("Folded: nobody wrote these by hand", generated),
    ]
    return [group for group in found if group.places]


def reading_order(files: Sequence[Changed]) -> list[int]:
    """The places in `files` in the order in which to read them."""
    return [place for group in groups(files) for place in group.places]


def _size(file: Changed) -> int:
    return (file.additions or 0) + (file.deletions or 0)


def _stem(path: str) -> str:
    """A file's name without its last suffix."""
    name = path.rpartition("/")[2].lower()
    return name.rpartition(".")[0] or name


def _subject(path: str) -> str:
    """What a test is about, by its name: `test_queue.py` → "queue"."""
    return _AFFIXES.sub("", _AFFIXES.sub("", _stem(path)))
