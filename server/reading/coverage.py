"""Which lines ran, from what tools write about that: Cobertura's XML, lcov, Go's cover profiles.

The files may be anybody's: what can't be read is passed over, entities are refused, and only lines of the files that
are asked for are kept.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

MOST_LINES = 5_000_000  # lines of a text that are read
DEEPEST = 50  # elements within each other
LONGEST = 20_000  # bytes of one of them
SPAN = 100_000  # lines that one block of Go's may have
_GO = re.compile(r"(.+):(\d{1,9})\.\d{1,9},(\d{1,9})\.(\d{1,9}) \d{1,9} (\d{1,18})")
_NUMBER = re.compile(r"-?\d{1,18}")

Ran = dict[str, dict[int, bool]]  # by path and line: whether it ran


@dataclass(frozen=True)
class Places:
    """Finds the files that are asked for by the names that tools give them.

    `tops` are the tree's own names (its path, and the same without links); `module` is what Go calls it.
    """

    wanted: Collection[str]
    tops: Sequence[str] = ()
    module: str = ""

    def find(self, name: str, folders: Iterable[str] = ()) -> str | None:
        """The file of that name, in the tree or in one of the `folders` that a report says it is in."""
        for folder in ("", *folders):
            inside = self._inside(posixpath.join(folder, name))
            if inside in self.wanted:
                return inside
        return None

    def _inside(self, name: str) -> str:
        """A name as the tree has it; nothing of what lies outside can be in what is asked for."""
        path = posixpath.normpath(name)
        for top in self.tops:
            if path.startswith(f"{top}/"):
                return path[len(top) + 1 :]
        if self.module and path.startswith(f"{self.module}/"):
            return path[len(self.module) + 1 :]
        return path


@dataclass(frozen=True)
class Measured:
    """How much of the added lines ran; `missed` are those that did not, by path, in order."""

    covered: int
    coverable: int
    missed: dict[str, list[int]] = field(default_factory=dict)


def measure(ran: Mapping[str, Mapping[int, bool]], added: Mapping[str, Iterable[int]]) -> Measured:
    """Of the added lines, by path, those that could run: comments and what no tool speaks of are left out."""
    told = {
        path: [(line, ran[path][line]) for line in lines if line in ran.get(path, ())] for path, lines in added.items()
    }
    missed = {path: sorted(line for line, did in lines if not did) for path, lines in told.items()}
    coverable = sum(len(lines) for lines in told.values())
    left = {path: lines for path, lines in missed.items() if lines}
    return Measured(coverable - sum(len(lines) for lines in left.values()), coverable, left)


def merge(reports: Iterable[Ran]) -> Ran:
    """What ran in any of them."""
    whole: Ran = {}
    for report in reports:
        for path, lines in report.items():
            for line, did in lines.items():
                _note(whole, path, line, did)
    return whole


def _note(ran: Ran, path: str, line: int, did: bool) -> None:
    lines = ran.setdefault(path, {})
    lines[line] = did or lines.get(line, False)


def cobertura(file: BinaryIO, places: Places) -> Ran:
    """Coverage.py, gcovr, Istanbul, JaCoCo's converters and others: `<class filename><lines><line number hits>`."""
    ran: Ran = {}
    sources: list[str] = []
    open_elements: list[Element] = []
    path: str | None = None
    try:
        for happens, element in iterparse(file, events=("start", "end"), forbid_dtd=False, forbid_entities=True):
            if happens == "start":
                open_elements.append(element)
                if len(open_elements) > DEEPEST:
                    return {}
                if element.tag == "class":
                    path = places.find(element.get("filename") or "", sources)
                continue
            open_elements.pop()
            if element.tag == "source" and element.text:
                sources.append(element.text.strip())
            elif element.tag == "line" and path is not None:
                number, hits = element.get("number") or "", element.get("hits") or ""
                if _NUMBER.fullmatch(number) and _NUMBER.fullmatch(hits):
                    _note(ran, path, int(number), int(hits) > 0)
            elif element.tag == "class":
                path = None
            if open_elements:
                open_elements[-1].clear()  # what was read is not kept: the file may be large
    except (ParseError, DefusedXmlException, UnicodeError, LookupError, ValueError):
        return {}
    return ran


def lcov(file: BinaryIO, places: Places) -> Ran:
    """`SF:path`, and `DA:line,count` for each of its lines."""
    ran: Ran = {}
    path: str | None = None
    for line in _lines(file):
        if line.startswith("SF:"):
            path = places.find(line[3:])
        elif line == "end_of_record":
            path = None
        elif path is not None and line.startswith("DA:"):
            number, count, *_ = [*line[3:].split(","), ""]
            if _NUMBER.fullmatch(number) and _NUMBER.fullmatch(count):
                _note(ran, path, int(number), int(count) > 0)
    return ran


def go(file: BinaryIO, places: Places) -> Ran:
    """`module/path.go:line.column,line.column statements count` for each block."""
    ran: Ran = {}
    for line in _lines(file):
        match = _GO.fullmatch(line)
        path = places.find(match[1]) if match else None
        if match is None or path is None:
            continue
        first, last = int(match[2]), int(match[3])
        if last - first <= SPAN:
            ends_before = int(match[4]) == 1  # the block ends where that line begins
            for number in range(first, last + (0 if ends_before and last > first else 1)):
                _note(ran, path, number, int(match[5]) > 0)
    return ran


def module(text: str) -> str:
    """What `go.mod` calls the module; empty where it says nothing."""
    match = re.search(r'^module[ \t]+"?([^\s"]+)', text, re.MULTILINE)
    return match[1] if match else ""


def _lines(file: BinaryIO) -> Iterator[str]:
    for _ in range(MOST_LINES):
        if not (line := file.readline(LONGEST)):
            return
        yield os.fsdecode(line).strip("\r\n")


REPORTS: Mapping[str, Callable[[BinaryIO, Places], Ran]] = {  # where tools leave them, below the top of the tree
    "coverage.xml": cobertura,
    "cobertura.xml": cobertura,
    "cobertura-coverage.xml": cobertura,
    "coverage/cobertura-coverage.xml": cobertura,
    "coverage/coverage.xml": cobertura,
    "lcov.info": lcov,
    "coverage.lcov": lcov,
    "coverage/lcov.info": lcov,
    "coverage.out": go,
    "cover.out": go,
}
