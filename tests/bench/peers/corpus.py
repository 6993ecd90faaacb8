"""Diffs of a wanted size made from real code: installed packages as they are, against themselves with parts missing.

The head is the packages' own source; in the base some functions are missing, some have another name, and some use
another word for a variable. So the change reads as one: added functions, renames, edits within lines.
"""

from __future__ import annotations

import ast
import re
import sysconfig
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.repositories import Repository

PACKAGES = ("sqlalchemy", "mypy", "pip", "pygments", "setuptools", "hypothesis", "pydantic", "playwright")
MOST_LINES = 6_000  # of a file: larger ones are tables
DEF = re.compile(r"(?<=def )\w+")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Corpus:
    """A repository whose branch `main` is the base; `head` is a branch with the change, `tree` a folder like it."""

    repository: Repository
    tree: Path
    patch: Path
    lines: int  # of the patch: rows, hunk headings and file heads
    rows: int  # added, removed and unchanged ones
    files: int

    @classmethod
    def make(cls, folder: Path, bases: dict[str, str], heads: dict[str, str]) -> Corpus:
        """The change from the bases to the heads of these files, below `folder`."""
        folder.mkdir(parents=True)
        repository = _two_commits(folder, "project", bases, heads)
        tree = folder / "head"
        for name, text in heads.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        text = _patch(repository)
        patch = folder / "change.diff"
        patch.write_text(text)
        rows = sum(_rows(part) for part in text.split("\ndiff --git "))
        return cls(repository, tree, patch, text.count("\n"), rows, len(heads))


def corpora(folder: Path, sizes: tuple[int, ...]) -> list[Corpus]:
    """For each size a diff of at least that many lines, and hardly more. The same from run to run."""
    heads = dict(sources())
    bases = {name: older(name, text) for name, text in heads.items()}
    lines = _sizes(folder, bases, heads)
    chosen = [_enough(lines, size) for size in sizes]
    return [
        Corpus.make(folder / str(size), {name: bases[name] for name in names}, {name: heads[name] for name in names})
        for size, names in zip(sizes, chosen, strict=True)
    ]


def sources() -> Iterator[tuple[str, str]]:
    """The Python files of the packages, by their path, in an order that mixes them."""
    site = Path(sysconfig.get_path("purelib"))
    found = {str(file.relative_to(site)): file for package in PACKAGES for file in (site / package).rglob("*.py")}
    for name in sorted(found, key=lambda name: zlib.crc32(name.encode())):
        text = found[name].read_text(errors="replace")
        if "\r" not in text and text.count("\n") < MOST_LINES:
            yield name, text


def older(name: str, text: str) -> str:
    """The file with some of its functions missing, some renamed, and variables in some called otherwise."""
    lines: list[str | None] = [*text.splitlines(keepends=True)]
    for number, function in enumerate(_functions(text)):
        span = slice(function.lineno - 1, function.end_lineno)
        match zlib.crc32(f"{name}:{function.name}:{number}".encode()) % 6:
            case 0:
                lines[span] = [None] * len(lines[span])
            case 1:
                lines[span] = [line and DEF.sub(f"{function.name}_as_before", line) for line in lines[span]]
            case 2:
                lines[span] = [line and _renamed(function, line) for line in lines[span]]
            case _:
                pass
    return "".join(line for line in lines if line is not None)


def _functions(text: str) -> list[Function]:
    """The functions and methods of a file, none inside another function."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    classes = [node.body for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    return [node for body in (module.body, *classes) for node in body if isinstance(node, Function)]


def _renamed(function: Function, line: str) -> str:
    names = Counter(node.id for node in ast.walk(function) if isinstance(node, ast.Name))
    if not names:
        return line
    ((name, _),) = names.most_common(1)
    return re.sub(rf"\b{re.escape(name)}\b", f"older_{name}", line)


def _sizes(folder: Path, bases: dict[str, str], heads: dict[str, str]) -> dict[str, int]:
    """How many lines of a diff each file makes."""
    repository = _two_commits(folder, "everything", bases, heads)
    parts = _patch(repository).split("diff --git a/")[1:]
    found = {part.partition(" ")[0]: part.count("\n") for part in parts}
    return {name: found[name] for name in heads if name in found}


def _enough(sizes: dict[str, int], lines: int) -> list[str]:
    """Files whose diffs make about that many lines; none of them more than a fifth."""
    chosen, total = [], 0
    for name, size in sizes.items():
        if size <= lines / 5 and total < lines:
            chosen.append(name)
            total += size
    return chosen


def _two_commits(folder: Path, name: str, bases: dict[str, str], heads: dict[str, str]) -> Repository:
    """`main` with the bases, checked out, and `head` with the heads on top."""
    repository = Repository.make(folder, name, files=bases)
    repository.switch("head", create=True)
    repository.commit("As it is", heads)
    repository.switch("main")
    return repository


def _patch(repository: Repository) -> str:
    return repository.git("diff", "--no-color", "--no-ext-diff", "main", "head") + "\n"


def _rows(part: str) -> int:
    """The code lines in the part of a patch that is one file's."""
    _, _, body = part.partition("\n@@ ")
    return sum(line[:1] in ("+", "-", " ") for line in body.split("\n")[1:])
