"""How complex code is, and which files grew most so: by the branches in their functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

CHURNED = 40  # changed lines of a file that is worth a refactoring
GREW = 4  # branches by which it grew
SHARE = 3  # how many times as much the first of those that are chosen may weigh as the last
FILES, FUNCTIONS = 3, 3  # that are named
NAME = 80  # characters of a function's name


@dataclass(frozen=True, slots=True)
class Function:
    """How complex a function was and is: one more than its branches. None: it was not there."""

    name: str
    before: int | None
    after: int

    @property
    def growth(self) -> int:
        return self.after - (self.before or 1)


@dataclass(frozen=True, slots=True)
class Grown:
    """A file that changed: in how many lines and commits, its branches before and after, the functions that grew."""

    path: str
    lines: int
    commits: int
    before: int
    after: int
    functions: list[Function]

    @property
    def weight(self) -> int:
        """How much it asks for a refactoring."""
        return self.lines * max(self.after - self.before, 0)


def is_measured(path: str) -> bool:
    """Whether it is known how to count branches in such a file."""
    import lizard_languages  # type: ignore[import-untyped]  # only where it is used: it takes a quarter of a second

    return lizard_languages.get_reader_for(path) is not None


def grown(path: str, lines: int, commits: int, old: str, new: str) -> Grown:
    """What became of a file, from its texts; empty where it was not there."""
    before, after = _functions(path, old), _functions(path, new)
    functions = [Function(name[:NAME], before.get(name), now) for name, now in after.items()]
    growing = sorted((each for each in functions if each.growth > 0), key=lambda each: (-each.growth, each.name))
    return Grown(path, lines, commits, _branches(before), _branches(after), growing[:FUNCTIONS])


def chosen(files: Iterable[Grown]) -> list[Grown]:
    """The few that churned most and grew most complex, the first one first; none where none did enough."""
    enough = [file for file in files if file.lines >= CHURNED and file.after - file.before >= GREW]
    ordered = sorted(enough, key=lambda file: (-file.weight, file.path))[:FILES]
    return [file for file in ordered if SHARE * file.weight >= ordered[0].weight]


def _functions(path: str, text: str) -> Counter[str]:
    """The complexity of each function by its name; of several with one name, that of all together."""
    import lizard  # type: ignore[import-untyped]

    found: Counter[str] = Counter()
    if text:
        for function in lizard.analyze_file.analyze_source_code(path, text).function_list:
            found[function.name] += function.cyclomatic_complexity
    return found


def _branches(functions: Counter[str]) -> int:
    return sum(count - 1 for count in functions.values())
