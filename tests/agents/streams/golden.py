"""Golden files: what a recorded stream says in the one vocabulary, without what differs from run to run.

`NARROWS_GOLDEN=write pytest tests/agents/streams` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from server.domain.transcript import Entry, folded

WRITE = os.environ.get("NARROWS_GOLDEN") == "write"  # asked early: tests run without the variables of Narrows
_MASKS = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"\bses_\w+"), "{session}"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?"), "{time}"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|seconds)\b"), "{duration}"),
    (re.compile(r"\bPGID: \d+"), "PGID: {process}"),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost):\d+"), "{model}"),
)


def golden(
    entries: Iterable[Entry], places: Mapping[str, str] | None = None, result: Mapping[str, Any] | None = None
) -> str:
    """Entries as they are read, one a line, without times, with ids counted in the order of their coming.

    Args:
        entries: As they were written; pieces are joined, for how they fall apart is chance.
        places: What stands for a path (or any other words) of this run.
        result: What the reader found beside them; a last line.
    """
    found = folded(entries)
    ids = {id_: f"#{number}" for number, id_ in enumerate(dict.fromkeys(entry.id for entry in found if entry.id), 1)}
    lines: list[dict[str, Any]] = []
    for entry in found:
        values = json.loads(entry.line())
        values.pop("at", None)
        if entry.id:
            values["id"] = ids[entry.id]
        lines.append(values)
    if result is not None:
        lines.append({"result": dict(result)})
    return "".join(json.dumps(_masked(line, places or {}), ensure_ascii=False) + "\n" for line in lines)


def check(found: str, expected: Path) -> None:
    """Compares with the golden file, or writes it where that is asked for."""
    if WRITE:
        expected.write_text(found)
    assert found.splitlines() == expected.read_text().splitlines()


def _masked(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _masked(each, places) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, places) for each in value]
    if not isinstance(value, str):
        return value
    for words, name in sorted(places.items(), key=lambda place: -len(place[0])):
        value = value.replace(words, name)
    for pattern, name in _MASKS:
        value = pattern.sub(name, value)
    return value
