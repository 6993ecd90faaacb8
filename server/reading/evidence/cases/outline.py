"""Reading a text by its grammar, in bounded time, and collecting the tests in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from tree_sitter import Language, Node, Parser, Query, QueryCursor

from server.reading.evidence.cases.case import Assertion, Case, Mark, Strength, flat

SECONDS = 10.0  # of work for one text: a grammar takes for ever over some that are no program
PIECE = 1 << 16
LONGEST = 400  # characters of an assertion that are kept

Kind = Literal["group", "case", "branch"]


@dataclass
class Frame:
    """What the nodes up to `end` stand in."""

    kind: Kind
    end: int
    name: str = ""
    case: Case | None = None
    marks: list[Mark] = field(default_factory=list)
    condition: str = ""
    data: bool = False


class Outline:
    """The tests of one text, while its nodes are visited in their order, outer ones before inner ones."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.cases: list[Case] = []
        self.marks: list[Mark] = []  # of the whole file
        self._frames: list[Frame] = []

    def text(self, node: Node | None) -> str:
        """A node's source."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace") if node else ""

    def line(self, node: Node) -> int:
        """The line on which a node begins, from 1."""
        return node.start_point[0] + 1

    def reach(self, node: Node) -> None:
        """Leave what does not hold this node."""
        while self._frames and self._frames[-1].end <= node.start_byte:
            self._frames.pop()

    @property
    def case(self) -> Case | None:
        """The innermost test here."""
        return next((frame.case for frame in reversed(self._frames) if frame.case), None)

    @property
    def branch(self) -> str | None:
        """The condition under which what stands here is done, within its test; None: it is done in any case."""
        for frame in reversed(self._frames):
            if frame.kind == "branch":
                return frame.condition
            if frame.kind == "case":
                return None
        return None

    def open_branch(self, node: Node, condition: str) -> None:
        self._frames.append(Frame("branch", node.end_byte, condition=flat(condition)))

    @property
    def nested(self) -> bool:
        """Whether what stands here is within a group."""
        return any(frame.kind == "group" for frame in self._frames)

    @property
    def data(self) -> bool:
        """Whether what stands here is what tests are tried on, and no test itself."""
        return any(frame.data for frame in self._frames)

    def open_group(self, node: Node, name: str, marks: list[Mark] | None = None, *, data: bool = False) -> None:
        if marks:  # they count even where the tests in it are made by calls that are not understood
            groups = tuple(frame.name for frame in self._frames if frame.kind != "branch")
            self.cases.append(Case(name, groups, self.line(node), "", helper=True, marks=list(marks)))
        self._frames.append(Frame("group", node.end_byte, name, marks=marks or [], data=data))

    def open_case(
        self,
        node: Node,
        name: str,
        marks: list[Mark],
        *,
        varied: bool = False,
        helper: bool = False,
        around: bool = False,
    ) -> None:
        inherited = [mark for frame in self._frames for mark in frame.marks]
        case = Case(
            name=name,
            groups=tuple(frame.name for frame in self._frames if frame.kind != "branch"),
            line=self.line(node),
            text=self.text(node),
            helper=helper,
            varied=varied,
            data=self.data,
            around=around,
            marks=[*inherited, *marks],
        )
        self.cases.append(case)
        self._frames.append(Frame("case", node.end_byte, name, case))

    def mark(self, node: Node, text: str, *, always: bool | None = None) -> None:
        """A call within a test, or outside of all, that skips."""
        case = self.case
        if case is None:
            self.marks.append(Mark(flat(text)[:LONGEST], self.line(node), "", always is not False))
        else:
            free = self.branch is None if always is None else always
            case.marks.append(Mark(flat(text)[:LONGEST], self.line(node), case.name, free))

    def assertion(
        self,
        node: Node,
        text: str,
        subject: str,
        strength: Strength,
        tolerance: float | None = None,
        *,
        fails: bool = False,
    ) -> None:
        """Something that the test here asserts; outside of tests it counts for nothing.

        `fails`: the condition that it stands under is what it asserts.
        """
        if (case := self.case) is not None:
            under = self._depth() > (1 if fails else 0)
            kept = flat(text)[:LONGEST]
            case.assertions.append(
                Assertion(kept, flat(subject)[:LONGEST], strength, self.line(node), under, tolerance)
            )

    def _depth(self) -> int:
        """Under how many conditions what stands here is done, within its test."""
        depth = 0
        for frame in reversed(self._frames):
            if frame.kind == "case":
                break
            depth += frame.kind == "branch"
        return depth

    def done(self) -> list[Case]:
        """All that was found; what marks the file marks each of its tests."""
        for case in self.cases:
            case.marks[:0] = self.marks
        return [case for case in self.cases if not case.helper or case.assertions or case.marks]


@lru_cache(16)
def _asked(language: Language, query: str) -> Query:
    return Query(language, query)


def walk(language: Language, query: str, source: bytes, visit: Callable[[Outline, Node], None]) -> list[Case]:
    """The tests in a text: `visit` sees each node that `query` captures as `@n`. Raises ValueError after `SECONDS`."""
    until = time.thread_time() + SECONDS

    def late(*_: object) -> bool:
        return time.thread_time() > until

    view = memoryview(source)  # the parser goes on reading what it was given: it has to outlive the call
    tree = Parser(language).parse(lambda at, _: view[at : at + PIECE], progress_callback=late)
    found = QueryCursor(_asked(language, query)).captures(tree.root_node).get("n", [])
    outline = Outline(source)
    for node in sorted(found, key=lambda node: (node.start_byte, -node.end_byte)):
        outline.reach(node)
        visit(outline, node)
        if late():
            raise ValueError("it takes too long")
    return outline.done()
