"""Names that others may use, by the lines that declare them: which of them a change takes away, and which it brings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from server.domain.review import Side
from server.reading.row import Row, RowKind

LONGEST = 500  # characters of a line that is looked at

_PYTHON = re.compile(r"(?: {4}|\t)?(?:async\s+)?(?:def|class)\s+([^\W_]\w*)")
_SCRIPT = re.compile(
    r"\s*export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?"
    r"(?:function\*?|class|const|let|var|interface|type|enum)\s+([\w$]+)"
)
_GO = re.compile(r"(?:func(?:\s*\([^)]*\))?|type)\s+([A-Z]\w*)")
_RUST = re.compile(
    r"\s*pub(?:\([^)]*\))?\s+(?:async\s+|unsafe\s+|const\s+)*(?:fn|struct|enum|trait|type|mod|static|const)\s+(\w+)"
)
_JAVA = re.compile(r"\s*public\s+(?:(?:\w+\s+)*(?:class|interface|enum|record)\s+(\w+)|[\w<>\[\],.?\s]*?\b(\w+)\s*\()")
_DECLARING = {
    **dict.fromkeys((".py", ".pyi"), _PYTHON),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), _SCRIPT),
    ".go": _GO,
    ".rs": _RUST,
    **dict.fromkeys((".java", ".cs"), _JAVA),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name where it is declared; `text` is the line, without the blanks around it."""

    name: str
    path: str
    side: Side
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Names:
    """What became of names: `gone` ones stand as they were, `new` and `different` ones as they are."""

    gone: list[Name]
    new: list[Name]
    different: list[Name]  # declared in another way than before


def compare(files: Iterable[tuple[str, Iterable[Row]]]) -> Names:
    """The public names that files' changed lines declare, in Python, JavaScript, TypeScript, Go, Rust, Java and C#.

    One that was moved to another file is neither gone nor new.
    """
    before: dict[str, list[Name]] = {}
    after: dict[str, list[Name]] = {}
    for path, rows in files:
        for name in _declared(path, rows):
            (before if name.side is Side.OLD else after).setdefault(name.name, []).append(name)
    different = [name for name in after.keys() & before.keys() if _texts(before[name]) != _texts(after[name])]
    return Names(
        gone=_firsts(before, before.keys() - after.keys()),
        new=_firsts(after, after.keys() - before.keys()),
        different=_firsts(after, different),
    )


def _declared(path: str, rows: Iterable[Row]) -> Iterator[Name]:
    pattern = _DECLARING.get(PurePosixPath(path).suffix.lower())
    if pattern is None:
        return
    for row in rows:
        if row.kind in (RowKind.ADDED, RowKind.REMOVED) and (found := pattern.match(row.text[:LONGEST])):
            side, line = (Side.NEW, row.new) if row.kind is RowKind.ADDED else (Side.OLD, row.old)
            yield Name(found[found.lastindex or 1], path, side, line or 0, row.text[:LONGEST].strip())


def _texts(names: Iterable[Name]) -> list[str]:
    return sorted(name.text for name in names)


def _firsts(names: Mapping[str, list[Name]], wanted: Iterable[str]) -> list[Name]:
    return sorted((names[name][0] for name in wanted), key=lambda name: (name.path, name.line))
