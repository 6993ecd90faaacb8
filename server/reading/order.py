"""In which order the files of a change are read, and which are folded.

What is read first gets most of the attention: changed source by the size of its change, each file's tests beside it,
then what is neither, then what nobody wrote by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
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


def folded(path: str) -> str:
    """Why nobody reads this file line by line, in a few words; empty where somebody should."""
    name = PurePosixPath(path).name.lower()
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


def reading_order(files: Sequence[Changed]) -> list[int]:
    """The places in `files` in the order in which to read them."""
    places = sorted(range(len(files)), key=lambda n: (-_size(files[n]), files[n].path))
    generated = [n for n in places if folded(files[n].path)]
    written = [n for n in places if not folded(files[n].path)]
    tests = [n for n in written if is_test(files[n].path)]
    source = [n for n in written if not is_test(files[n].path) and _SOURCE.fullmatch(files[n].path)]
    rest = sorted(set(written) - set(tests) - set(source), key=written.index)
    ordered: list[int] = []
    for place in source:
        ordered.append(place)
        beside = [n for n in tests if _subject(files[n].path) == _stem(files[place].path)]
        ordered += beside
        tests = [n for n in tests if n not in beside]
    return [*ordered, *tests, *rest, *generated]


def _size(file: Changed) -> int:
    return (file.additions or 0) + (file.deletions or 0)


def _stem(path: str) -> str:
    return PurePosixPath(path).stem.lower()


def _subject(path: str) -> str:
    """What a test is about, by its name: `test_queue.py` → "queue"."""
    return _AFFIXES.sub("", _AFFIXES.sub("", _stem(path)))
