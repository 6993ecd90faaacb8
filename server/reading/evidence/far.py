"""Files that have nothing to do with the task's words, in a change where others have.

Nothing is said where that would be guessing: of a short task, of upkeep and refactoring, which touch much, of tests, of
what lies beside, imports, or is imported by a file that the task does speak of, and where most files are like that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import PurePosixPath

from server.domain.flag import FlagKind
from server.domain.review import Side
from server.domain.task import Kind
from server.reading import order
from server.reading.evidence.material import ChangedFile, Finding, Material
from server.reading.row import parse

FEWEST = 4  # words of a task that say something; with fewer it is about anything
MOST = 3  # findings a change
LINES = 500  # lines of a file's diff that are read
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IMPORTS = re.compile(r"^\s*(import|from|use|mod|require|#include|export)\b|\brequire\(|\bimport\(", re.MULTILINE)
_CONFIGURES = re.compile(r".*\.(toml|ya?ml|json|cfg|ini|conf)|Dockerfile|Makefile", re.IGNORECASE)
_SAY_NOTHING = """
about above add added after again all also always and any are been before being both but can case cases change
code could def does done each else ensure every everything example examples false file files fix from function
get give given good has have help how implement import instead into its just keep let like line lines make many
method might more most must need never new none not nothing now number off old one only other our out over own
pass path plus please project remove replace return returns run same self set should show since some string such
support take test tests than that the their them then there these they thing this those through today true two
type under until update use used user using value values via want way were what when where which while who will
with without word words work would write yet you your class const else elif for var let func public private
static void int str bool src lib main index init app core util utils helper helpers common base server client
module package
"""
_EMPTY = frozenset(_SAY_NOTHING.split())


def find(material: Material) -> Iterator[Finding]:
    asked = _stems(material.asked)
    if material.kind is not Kind.DIRECTED or len(asked) < FEWEST:
        return
    looked_at = [file for file in material.files if _counts(file)]
    near = [file for file in looked_at if _words(file) & asked]
    if all(order.is_test(file.path) for file in near):
        return
    others = [file for file in looked_at if file not in near and not order.is_test(file.path)]
    far = [file for file in others if not any(_beside(file, one) for one in near)]
    if len(far) > len(near):
        return
    for file in sorted(far, key=lambda one: -len(one.added) - len(one.removed))[:MOST]:
        side = Side.OLD if file.new is None else Side.NEW
        yield Finding(FlagKind.FAR, file.path, "Nothing in it or in its name is among the task's words.", side=side)


def _counts(file: ChangedFile) -> bool:
    """Source and configuration that somebody wrote, and whose text is there. What only moved is where it has to be."""
    name = PurePosixPath(file.path).name
    written = order.is_source(file.path) or _CONFIGURES.fullmatch(name)
    text = file.new if file.new is not None else file.old
    return bool(written) and not order.folded(file.path) and text is not None and bool(file.added or file.removed)


def _words(file: ChangedFile) -> Set[str]:
    """The stems of a file's name, and of what changed in it with the lines around that."""
    rows = parse(file.diff.text)[:LINES]
    return _stems(" ".join((file.path, file.old_path, *(row.text[:1_000] for row in rows))))


def _beside(file: ChangedFile, near: ChangedFile) -> bool:
    """Whether it stands in the same folder as one that the task speaks of, or one names the other where it imports."""
    ours, theirs = PurePosixPath(file.path), PurePosixPath(near.path)
    return ours.parent == theirs.parent or _imports(file, theirs) or _imports(near, ours)


def _imports(file: ChangedFile, other: PurePosixPath) -> bool:
    name = other.parent.name if other.stem in ("__init__", "index", "mod", "lib", "main") else other.stem
    text = file.new if file.new is not None else file.old or ""
    lines = (line for line in text.splitlines() if name in line)
    return bool(name) and any(_IMPORTS.search(line) or "(" not in line for line in lines)


def _stems(text: str) -> Set[str]:
    """What is left of words that say something, written in any of the ways in which code has them."""
    return {_stem(word) for word in map(str.lower, _WORDS.findall(text)) if len(word) > 2 and word not in _EMPTY}


@cache
def _stem(word: str) -> str:
    """A word without the ends that it has by grammar: parsing, parsed, parser and parse are one word."""
    for end in ("ations", "ation", "ings", "ing", "ers", "ies", "ors", "ed", "er", "es", "or", "ly", "s", "e", "y"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            word = word[: -len(end)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
