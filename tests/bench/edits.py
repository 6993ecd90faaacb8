"""Made-up edits of real code of which it is known where each line went."""

from __future__ import annotations

import importlib.util
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = (
    "sqlalchemy",
    "fastapi",
    "pydantic",
    "starlette",
    "pygments",
    "jinja2",
    "uvicorn",
    "alembic",
    "anyio",
    "git",
)
SIZES = range(60, 2000)  # lines of a file that is taken
LONGEST = 6  # lines of a commented range
APART = 6  # lines between what is commented and what else is edited
TOKEN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|\d+")
BREAKS = re.compile(r"(?<=[,(\[{])\s*|\s(?=(?:and|or|if|else|for|==|\+) )")
WRAPS = (("if {}:", ()), ("try:", ("except ValueError:", "    raise")), ("with {}:", ()), ("for {} in items:", ()))


@dataclass
class Line:
    """A line of the new file, and which of the old one it was, from 1; None: it is new."""

    text: str
    origin: int | None = None


@dataclass(frozen=True)
class Case:
    """A commented range, and where it went: None where it was deleted."""

    old: list[str]
    new: list[str]
    line: int
    end_line: int
    truth: tuple[int, int] | None


def real_files(packages: Sequence[str] = PACKAGES) -> list[list[str]]:
    """Python files of installed packages, as lines."""
    folders = [
        Path(spec.origin).parent for name in packages if (spec := importlib.util.find_spec(name)) and spec.origin
    ]
    texts = [path.read_text("utf-8", "replace") for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [lines for lines in (text.splitlines() for text in texts) if len(lines) in SIZES]


def cases(kind: str, count: int, files: Sequence[list[str]], seed: int = 1) -> Iterator[Case]:
    """So many edits of one kind, the same for the same seed."""
    draw = random.Random(f"{seed} {kind}")
    made = 0
    while made < count:
        if case := _Edit(draw, draw.choice(files), draw.choice(files)).make(KINDS[kind]):
            made += 1
            yield case


class _Edit:
    """One edit of the lines `first` to `last` (from 1) of a file, and others elsewhere in it."""

    def __init__(self, draw: random.Random, old: list[str], strange: list[str]) -> None:
        self.draw, self.old, self.strange = draw, old, strange
        self.lines = [Line(text, number) for number, text in enumerate(old, 1)]
        size = 1 if draw.random() < 0.6 else draw.randint(2, LONGEST)
        self.first = draw.randint(4, len(old) - size - 4)
        self.last = self.first + size - 1

    def make(self, edit: Callable[[_Edit], bool]) -> Case | None:
        """None where this edit can't be made of these lines, or nobody would comment on them."""
        ends = (self.old[self.first - 1], self.old[self.last - 1])
        if not all(TOKEN.search(text) for text in ends) or not edit(self):
            return None
        for _ in range(self.draw.randint(0, 6)):
            self._something_else()
        where = [place for place, line in enumerate(self.lines, 1) if line.origin in range(self.first, self.last + 1)]
        truth = (where[0], where[-1]) if where else None
        return Case(self.old, [line.text for line in self.lines], self.first, self.last, truth)

    def place(self, origin: int) -> int:
        return next(place for place, line in enumerate(self.lines) if line.origin == origin)

    def nothing(self) -> bool:
        return True

    def tokens(self) -> bool:
        return self._change(self.draw.randint(self.first, self.last))

    def neighbours(self) -> bool:
        around = [n for n in range(self.first - 3, self.last + 4) if n not in range(self.first, self.last + 1)]
        for number in around:
            if self.draw.random() < 0.6:
                self._change(number)
        if self.draw.random() < 0.4:
            self.lines.insert(self.place(self.first), Line(self.draw.choice(self.strange)))
        return self.tokens()

    def wrapped(self) -> bool:
        start = self.first - self.draw.randint(0, 3)
        end = self.last + self.draw.randint(0, 3)
        head, tail = self.draw.choice(WRAPS)
        body = self.lines[start - 1 : end]
        indent = _indent(self.old[self.first - 1])
        for line in body:
            line.text = f"    {line.text}" if line.text.strip() else line.text
        around = [Line(indent + text) for text in (head.format(self._word()), *tail)]
        self.lines[start - 1 : end] = [around[0], *body, *around[1:]]
        return True

    def split(self) -> bool:
        number = self.draw.randint(self.first, self.last)
        text = self.old[number - 1]
        places = [match.start() for match in BREAKS.finditer(text) if _indent(text) != text[: match.start()]]
        places = sorted(self.draw.sample(places, min(len(places), self.draw.randint(1, 2))))
        pieces = [text[a:b].strip() for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        pieces = [piece for piece in pieces if piece]
        if len(pieces) < 2:
            return False
        indent = _indent(text)
        at = self.place(number)
        self.lines[at : at + 1] = [
            Line(f"{indent}{'    ' * bool(place)}{piece}", number) for place, piece in enumerate(pieces)
        ]
        return True

    def moved(self) -> bool:
        start, end = (
            max(1, self.first - self.draw.randint(1, 6)),
            min(len(self.old), self.last + self.draw.randint(1, 6)),
        )
        block = self.lines[start - 1 : end]
        del self.lines[start - 1 : end]
        places = [n for n in range(len(self.lines)) if abs(n - start) > 15]
        if not places:
            return False
        place = self.draw.choice(places)
        self.lines[place:place] = block
        return True

    def moved_and_edited(self) -> bool:
        for number in range(self.first - 3, self.last + 4):
            if number not in range(self.first, self.last + 1) and self.draw.random() < 0.3:
                self._change(number)
        return self.tokens() and self.moved()

    def deleted(self) -> bool:
        start, end = self.first - self.draw.randint(0, 3), self.last + self.draw.randint(0, 3)
        instead = self._strange_lines(self.draw.choice((0, 0, 1, 3, 8)))
        self.lines[start - 1 : end] = [Line(text) for text in instead]
        return True

    def _change(self, number: int) -> bool:
        """Other words in a line: one of them, or several, but never all."""
        line = self.lines[self.place(number)]
        tokens = list(TOKEN.finditer(line.text))
        if not tokens:
            return False
        most = max(1, min(3, len(tokens) // 2))
        for match in sorted(self.draw.sample(tokens, self.draw.randint(1, most)), key=lambda m: -m.start()):
            line.text = line.text[: match.start()] + self._word(match[0]) + line.text[match.end() :]
        return line.text != self.old[number - 1]

    def _word(self, instead: str = "") -> str:
        words = [word for word in TOKEN.findall(" ".join(self.strange[:400])) if word != instead and not word.isdigit()]
        return (
            f"{instead}_{self.draw.choice('abcdef')}"
            if instead and self.draw.random() < 0.3
            else self.draw.choice(words)
        )

    def _strange_lines(self, count: int) -> list[str]:
        start = self.draw.randrange(len(self.strange))
        return self.strange[start : start + count]

    def _something_else(self) -> None:
        """Another edit, not near the commented lines."""
        near = [p for p, line in enumerate(self.lines) if line.origin in range(self.first - 9, self.last + 10)]
        far = [p for p in range(len(self.lines)) if not near or p < near[0] - APART or p > near[-1] + APART]
        far = [p for p in far if all(abs(p - n) > APART for n in near)]
        if not far:
            return
        place = self.draw.choice(far)
        if (what := self.draw.random()) < 0.5:
            self.lines[place:place] = [Line(text) for text in self._strange_lines(self.draw.randint(1, 12))]
        elif what < 0.75 and all(p in far for p in range(place, place + 4)):
            del self.lines[place : place + self.draw.randint(1, 4)]
        else:
            line = self.lines[place]
            line.text = f"{line.text}  # {self._word()}"


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


KINDS: dict[str, Callable[[_Edit], bool]] = {
    "untouched": _Edit.nothing,
    "tokens changed": _Edit.tokens,
    "neighbours too": _Edit.neighbours,
    "wrapped and indented": _Edit.wrapped,
    "line split": _Edit.split,
    "block moved": _Edit.moved,
    "moved and edited": _Edit.moved_and_edited,
    "deleted": _Edit.deleted,
}
