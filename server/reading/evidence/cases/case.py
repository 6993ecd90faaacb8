"""What a test is, whatever language it is written in."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

WORD = re.compile(r"\w+")
COMPARISON = re.compile(r"\s(?:[=!]==?|[<>]=?|in|is)\s")
SPACE = re.compile(r"\s+")


class Strength(IntEnum):
    """How much an assertion leaves open."""

    GUARD = 0  # it only keeps the test from going on after an error
    HELD = 1  # that there is something, that it is true, that anything is thrown
    PARTLY = 2  # that it contains, matches, is more than, is nearly
    EXACT = 3  # that it is this


@dataclass(frozen=True, slots=True)
class Assertion:
    """One statement that a test checks. `subject` is what it is about, as source; `branch`: it depends on a condition.

    `tolerance` is by how much it may be off, where that is written as a number.
    """

    text: str
    subject: str
    strength: Strength
    line: int
    branch: bool = False
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What keeps a test from being run. `owner`: the test or group that it stands at; `always`: under no condition;
    `only`: it keeps the others from being run.
    """

    text: str
    line: int
    owner: str
    always: bool = True
    only: bool = False


@dataclass
class Case:
    """A test, or with `helper` a function beside tests that asserts for them.

    `groups` are the classes, modules or descriptions that it stands in, from the outside. `varied`: it is run once for
    each of several parameters. `data`: tests are tried on it, so that it is none itself.
    `around`: a helper that is run around each test.
    """

    name: str
    groups: tuple[str, ...]
    line: int
    text: str
    helper: bool = False
    varied: bool = False
    data: bool = False
    around: bool = False
    assertions: list[Assertion] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    @property
    def qualified(self) -> tuple[str, ...]:
        return (*self.groups, self.name)

    @cached_property
    def plain(self) -> str:
        """Its text without white space that means nothing."""
        return SPACE.sub(" ", self.text).strip()

    @cached_property
    def words(self) -> Counter[str]:
        return Counter(WORD.findall(self.text))


def similarity(one: Counter[str], other: Counter[str]) -> float:
    """How much two texts have in common by their words, from 0 to 1."""
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 1.0


def compared(condition: str) -> str:
    """What a condition is about: what stands before its comparison."""
    return COMPARISON.split(condition, maxsplit=1)[0].strip()


def flat(text: str) -> str:
    """Source on one line."""
    return SPACE.sub(" ", text).strip()
