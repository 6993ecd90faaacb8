"""What is made ready for the reader of upkeep and of refactorings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from server.domain.diff import Comparison
from server.domain.task import Kind
from server.services import changes, comparisons, patterns, renderings, revisions, shapes
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

CALLS = {f"src/m{n}.py": f"def f{n}(a):\n    return fetch(a, {n})\n" for n in range(4)}
LOADS = {name: text.replace("fetch", "load") for name, text in CALLS.items()}


def compared(workshop: Workshop, change_id: int) -> Comparison:
    revision = revisions.of_change(workshop.narrows, change_id)[-1]
    return comparisons.of(workshop.narrows, changes.get(workshop.narrows, change_id), revision)


def made(workshop: Workshop, kind: Kind, before: dict[str, str], after: dict[str, str | None]) -> Comparison:
    """What a task of that kind changed in a repository with those files."""
    path = Path(workshop.project.path)
    Repository(path, path.parent / "home").commit(files=before)
    return compared(workshop, workshop.change(dict(after), kind=kind).id)


def test_upkeep_is_looked_through_when_its_revision_is_prepared(narrows: Narrows, workshop: Workshop) -> None:
    comparison = made(workshop, Kind.MAINTENANCE, CALLS, {**LOADS, "src/m3.py": "def f3(a):\n    return fetch(a)\n"})
    assert patterns.known(narrows, comparison) is None
    renderings.prepare_change(narrows, comparison.change_id)
    found = patterns.known(narrows, comparison)
    assert found is not None
    [pattern] = found.patterns
    assert [(spot.path, spot.line, spot.code) for spot in pattern.spots] == [
        (f"src/m{n}.py", 2, f"return load(a, {n})") for n in range(3)
    ]
    assert [line.text for line in (*pattern.gone, *pattern.came)] == ["    return fetch(a, 0)", "    return load(a, 0)"]
    assert [line.text[slice(*line.changed[0])] for line in (*pattern.gone, *pattern.came)] == ["fetch", "load"]
    assert [spot.path for spot in pattern.exceptions] == ["src/m3.py"]  # it says `fetch`, and is another edit
    assert found.complete
    assert found.folded == {0, 1, 2}


def test_upkeep_takes_as_long_to_read_as_what_does_not_repeat(workshop: Workshop) -> None:
    comparison = made(workshop, Kind.MAINTENANCE, CALLS, dict(LOADS))
    revision = revisions.get(workshop.narrows, comparison.change_id, 1)
    assert (revision.files, revision.reading_files, revision.reading_lines) == (4, 1, 2)


def test_a_file_with_another_mode_is_not_folded(narrows: Narrows, workshop: Workshop) -> None:
    comparison = made(workshop, Kind.MAINTENANCE, CALLS, dict(LOADS))
    files = comparisons.files(narrows, comparison)
    files[1] = replace(files[1], new_mode="100755")
    assert patterns._find(files).folded == {0, 2, 3}


def test_what_is_too_large_is_shown_as_it_is(
    narrows: Narrows, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = made(workshop, Kind.MAINTENANCE, CALLS, dict(LOADS))
    monkeypatch.setattr(patterns, "LARGEST", 3)
    assert patterns.find(narrows, comparison) == patterns.TOO_LARGE == patterns.known(narrows, comparison)


def test_a_directed_change_is_not_looked_through(narrows: Narrows, workshop: Workshop) -> None:
    comparison = made(workshop, Kind.DIRECTED, CALLS, dict(LOADS))
    renderings.prepare_change(narrows, comparison.change_id)
    assert patterns.known(narrows, comparison) is None
    assert shapes.known(narrows, comparison) is None


def test_of_a_refactoring_it_is_said_what_else_it_did(narrows: Narrows, workshop: Workshop) -> None:
    body = "".join(f"    total = total + values[{n}] * weights[{n}]\n" for n in range(6))
    before = {
        "src/sums.py": f"def weigh(values, weights):\n{body}    return total\n\n\ndef gone():\n    pass\n",
        "tests/test_sums.py": "def test_it():\n    assert weigh([], []) == 0\n",
    }
    after: dict[str, str | None] = {
        "src/sums.py": "def weigh(values, weights, start=0):\n    return total_of(values, weights)\n",
        "src/inner.py": f"def total_of(values, weights):\n{body}    return total\n",
        "tests/test_sums.py": "def test_it():\n    assert weigh([], [], 0) == 0\n",
    }
    comparison = made(workshop, Kind.REFACTORING, before, after)
    renderings.prepare_change(narrows, comparison.change_id)
    shape = shapes.known(narrows, comparison)
    assert shape is not None
    assert shape.tests == ["tests/test_sums.py"]
    assert [[name.name for name in names] for names in (shape.names.gone, shape.names.new, shape.names.different)] == [
        ["gone"],
        ["total_of"],
        ["weigh"],
    ]
    assert 40 <= shape.share < 100
    assert shapes.find(narrows, comparison) == shape
