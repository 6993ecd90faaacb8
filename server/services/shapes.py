"""What a refactoring did besides moving lines: to tests, and to names that others use. Looked for once, and kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from server.domain.diff import Comparison, FileDiff
from server.domain.review import Side
from server.reading import order, public_names, rows
from server.reading.public_names import Name, Names
from server.services import colouring, comparisons, moved_lines
from server.services.narrows import Narrows

MADE = "1"  # how they are kept: another number, and those kept before are made anew


@dataclass(frozen=True, slots=True)
class Shape:
    """Of `changed` lines, added and removed, `moved` ones are the same elsewhere. `tests`: paths of changed tests."""

    changed: int
    moved: int
    tests: list[str]
    names: Names

    @property
    def share(self) -> int:
        """How many of a hundred changed lines only moved."""
        return 100 * self.moved // self.changed if self.changed else 0


def known(narrows: Narrows, comparison: Comparison) -> Shape | None:
    """What was found before; None where nobody has looked yet."""
    key = _key(comparison)
    kept = colouring.store(narrows).get([key]).get(key)
    return _unpacked(kept) if kept else None


def find(narrows: Narrows, comparison: Comparison) -> Shape:
    """What became of a comparison's lines, tests and public names, however long looking takes."""
    if made := known(narrows, comparison):
        return made
    files = comparisons.files(narrows, comparison)
    moved = moved_lines.find(narrows, comparison, patient=True, files=files) or {}
    made = Shape(
        sum((file.additions or 0) + (file.deletions or 0) for file in files),
        sum(len(numbers) for marks in moved.values() for numbers in marks.values()),
        [file.path for file in files if order.is_test(file.path)],
        _names(files),
    )
    colouring.store(narrows).put({_key(comparison): json.dumps(asdict(made))})
    return made


def _names(files: Sequence[FileDiff]) -> Names:
    """Those of sources alone: nobody uses a test's, and nobody wrote what is generated."""
    sources = [file for file in files if not (order.is_test(file.path) or order.folded(file.path))]
    return public_names.compare((file.path, rows.parse(file.text)) for file in sources)


def _key(comparison: Comparison) -> bytes:
    return colouring.digest("shape", MADE, comparison.base_tree, comparison.tree)


def _unpacked(kept: str) -> Shape:
    told = json.loads(kept)
    names = {how: [Name(**one | {"side": Side(one["side"])}) for one in found] for how, found in told["names"].items()}
    return Shape(**told | {"names": Names(**names)})
