"""Which test of the new texts is which of the old ones: by its place, its name, its text, or what is alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from server.reading.evidence.cases.case import Case, similarity

ALIKE = 0.7  # of two texts: the same test under another name
MOST = 40_000  # pairs that are compared by their words
GENERIC = 12  # characters of a name: a shorter one may be another test's, too


@dataclass(eq=False)
class Placed:
    """A test in a file of the change; `path` is the file's name in the new tree, or in the old one where it is gone."""

    path: str
    case: Case


@dataclass
class Pairs:
    """Old tests with what became of them; `sure`: it is the same one by its name or by its whole text."""

    kept: list[tuple[Placed, Placed, bool]]
    gone: list[Placed]
    new: list[Placed]


def pair(old: Sequence[Placed], new: Sequence[Placed]) -> Pairs:
    """Each old test with at most one new one."""
    pairs = Pairs([], list(old), list(new))
    _by(pairs, lambda one: (one.path, one.case.qualified, one.case.plain), lambda _one, _other: True)
    _by(pairs, lambda one: (one.path, one.case.qualified), lambda _one, _other: True)
    _by(pairs, lambda one: one.case.plain, lambda one, _other: len(one.case.words) > 2)
    _by(pairs, lambda one: (one.path, one.case.name), lambda _one, _other: True)
    _by(pairs, lambda one: one.case.qualified, _is_that)
    _by(pairs, lambda one: one.case.name, _is_that)
    _alike(pairs)
    return pairs


def _is_that(one: Placed, other: Placed) -> bool:
    """Whether two tests of one name in two files are one that moved."""
    return len(one.case.name) > GENERIC or similarity(one.case.words, other.case.words) > ALIKE


def _by(pairs: Pairs, key: Callable[[Placed], Hashable], right: Callable[[Placed, Placed], bool]) -> None:
    """Pair what has the same key, in its order."""
    waiting: dict[Hashable, list[Placed]] = defaultdict(list)
    for one in pairs.new:
        waiting[key(one)].append(one)
    for one in list(pairs.gone):
        here = waiting.get(key(one))
        if here and right(one, here[0]) and one.case.helper == here[0].case.helper:
            _join(pairs, one, here.pop(0), sure=True)
    _forget(pairs)


def _alike(pairs: Pairs) -> None:
    """Pair what was renamed and edited, the most alike first."""
    news: dict[str, list[Placed]] = defaultdict(list)
    for one in pairs.new:
        news[_language(one)].append(one)
    if sum(len(news[_language(one)]) for one in pairs.gone) > MOST:
        return
    rated = [
        (score, one, other)
        for one in pairs.gone
        for other in news[_language(one)]
        if (score := _score(one, other)) > ALIKE
    ]
    taken: set[int] = set()
    for _, one, other in sorted(rated, key=lambda each: -each[0]):
        if not {id(one), id(other)} & taken:
            taken |= {id(one), id(other)}
            _join(pairs, one, other, sure=False)
    _forget(pairs)


def _score(one: Placed, other: Placed) -> float:
    if one.case.helper != other.case.helper:
        return 0.0
    return similarity(one.case.words, other.case.words)


def _language(one: Placed) -> str:
    return one.path.rpartition(".")[2][:2]


def _join(pairs: Pairs, one: Placed, other: Placed, *, sure: bool) -> None:
    pairs.kept.append((one, other, sure))


def _forget(pairs: Pairs) -> None:
    """What was paired is neither gone nor new."""
    paired = {id(each) for one, other, _ in pairs.kept for each in (one, other)}
    pairs.gone = [one for one in pairs.gone if id(one) not in paired]
    pairs.new = [one for one in pairs.new if id(one) not in paired]


def texts(placed: Iterable[Placed]) -> set[str]:
    """All that these assert."""
    return {assertion.text for one in placed for assertion in one.case.assertions}
