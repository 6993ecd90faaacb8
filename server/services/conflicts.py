"""A change that does not merge: each file with its three sides, who moved the target, and what its agent is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, assert_never

from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.errors import NotFound, WrongState
from server.domain.project import Project
from server.git import blobs, conflicts, merges, objects
from server.git.commands import NOBODY
from server.git.conflicts import Conflicted, Kind, Mover, Side
from server.reading import file_notes, three_sides, visible
from server.reading.three_sides import Region, Span, Step
from server.services import colouring, prompts
from server.services.colouring import Source
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import landing_queries, queries

__all__ = [
    "Column",
    "Conflict",
    "File",
    "Kind",
    "Moved",
    "Place",
    "how",
    "in_line",
    "of_change",
    "prompt",
    "told",
    "where",
]

AT_ONCE = 4_000  # lines of places that a page shows at once, on all sides together
COLOURED = 200_000  # bytes of a side up to which its colours are waited for, if they are not kept: half a second
MOVERS = 50  # commits that are named
NAMED = 10  # of them, to an agent
SIDES = ("base", "target", "change")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
SHOWING = (Kind.BOTH_CHANGED, Kind.BOTH_ADDED, Kind.REMOVED, Kind.FOLDER_RENAMED)  # whose lines say something


class Column(NamedTuple):
    """A place as one side has it: "base", "target" or "change". `lines` None: it has no such file. Safe HTML."""

    side: str
    lines: Span | None
    text: str
    html: str


@dataclass(frozen=True)
class Place:
    """Lines that the sides have in different ways; a file that was new to both has no base."""

    columns: list[Column]


@dataclass(frozen=True)
class File:
    """A file that does not merge. `why`: why no lines of it are shown, where that needs saying.

    `left_out`: there is no room for its places beside those of the other files; it can be asked for alone.
    """

    position: int
    found: Conflicted
    places: list[Place]
    why: str = ""
    left_out: bool = False


@dataclass(frozen=True)
class Moved:
    """A commit that moved the target's side; with the landing and the change that brought it, if Narrows did.

    `landing_id` None with a change: it has not landed, and lands before.
    """

    by: Mover
    landing_id: int | None = None
    change_id: int | None = None
    title: str = ""


@dataclass(frozen=True)
class Conflict:
    """What keeps a revision from the target branch at `target`, or from it once `before` has landed there."""

    change: Change
    revision: Revision
    project: Project
    title: str
    target: str
    files: list[File]
    movers: list[Moved]
    moved: int  # commits that the target has and the revision's base has not
    before: Change | None = None

    @property
    def clean(self) -> bool:
        return not self.files


def of_change(
    narrows: Narrows, change_id: int, *, before: int | None = None, only: int | None = None, known: bool = False
) -> Conflict:
    """How a change's newest revision merges with its target as that is now.

    Args:
        before: A change that lands first; then that is part of the target's side.
        only: The position of the one file whose places are wanted, however many.
        known: Only as far as the target is known without a network.

    Raises:
        NotFound: It has no revision.
        WrongState: `before` does not merge itself, or lands elsewhere.
        NarrowsError: The target can't be asked.
    """
    with narrows.reading() as db:
        change, revision = _read(narrows, change_id)
        project = queries.project(db, change.project_id)
        title = queries.task(db, change.task_id).title
    target = Target.of(narrows, project)
    tip = (target.known() if known else None) or target.beginning()
    mirror = narrows.mirror(project.id)
    first = _before(narrows, project, tip, before) if before is not None else None
    onto = first.target if first else tip
    found = conflicts.find(mirror, base=revision.base, target=onto, revision=revision.commit)
    return Conflict(
        change=change,
        revision=revision,
        project=project,
        title=title,
        target=onto,
        files=_files(narrows, project, found, only),
        movers=_movers(narrows, project, revision.base, onto, found, first),
        moved=conflicts.count(mirror, revision.base, tip),
        before=first.change if first else None,
    )


def in_line(narrows: Narrows, change_id: int) -> list[int]:
    """The other changes that are to land on the same target, in their order: a landing is built on the last of them."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        project = queries.project(db, change.project_id)
        line = landing_queries.line(db, (project.id, project.remote, project.target_branch))
    return [landing.change_id for landing in line if landing.change_id != change_id and not landing.undo_asked]


def _read(narrows: Narrows, change_id: int) -> tuple[Change, Revision]:
    with narrows.reading() as db:
        change, revision = queries.change(db, change_id), queries.last_revision(db, change_id)
    if revision is None:
        raise NotFound(f"Change {change_id} has no revision yet.", "Its agent is at work.")
    return change, revision


class _First(NamedTuple):
    """A change that lands before, and where the target is then."""

    change: Change
    title: str
    target: str


def _before(narrows: Narrows, project: Project, tip: str, change_id: int) -> _First:
    change, revision = _read(narrows, change_id)
    if change.project_id != project.id:
        raise WrongState(f"Change {change_id} is of another project.", "Choose one that lands on the same branch.")
    with narrows.reading() as db:
        title = queries.task(db, change.task_id).title
    mirror = narrows.mirror(project.id)
    tree = merges.merge(mirror, revision.base, tip, revision.commit)
    if isinstance(tree, merges.Conflict):
        raise WrongState(
            f"Change {change_id} does not merge with {project.target_branch} itself, so nothing lands after it.",
            f"Look at the conflict of change {change_id} first.",
        )
    landed = objects.commit(mirror, tree, [tip], f"{title}\n", NOBODY, NOBODY, merges.EPOCH)
    return _First(change, title, landed)


def _movers(
    narrows: Narrows, project: Project, base: str, target: str, found: Sequence[Conflicted], first: _First | None
) -> list[Moved]:
    paths = {side.path if side else each.path for each in found for side in (each.base, each.target, each.change)}
    if not paths:
        return []
    told = conflicts.movers(narrows.mirror(project.id), base, target, paths, MOVERS)
    with narrows.reading() as db:
        brought = landing_queries.of_commits(db, project.id, {each.commit for each in told})
    return [_moved(each, brought, first) for each in told]


def _moved(by: Mover, brought: dict[str, tuple[int, int, str]], first: _First | None) -> Moved:
    if first and by.commit == first.target:
        return Moved(by, None, first.change.id, first.title)
    return Moved(by, *brought.get(by.commit, (None, None, "")))


def _files(narrows: Narrows, project: Project, found: Sequence[Conflicted], only: int | None) -> list[File]:
    """In order of their names, with as many places as a page has room for."""
    mirror = narrows.mirror(project.id)
    wanted = [each for position, each in enumerate(found) if only in (None, position)]
    read = blobs.read(mirror, {side.blob for each in wanted for side in _sides(each) if side})
    files, room = [], AT_ONCE
    for position, each in enumerate(found):
        if only not in (None, position):
            files.append(File(position, each, [], left_out=True))
            continue
        sheet = _Sheet(narrows, project, each, read)
        lines = sheet.lines
        if lines > room and only is None:
            files.append(File(position, each, [], left_out=True))
            continue
        room -= lines
        files.append(File(position, each, sheet.places(), sheet.why))
    return files


def _sides(found: Conflicted) -> tuple[Side | None, Side | None, Side | None]:
    return found.base, found.target, found.change


class _Sheet:
    """One file's sides, side by side."""

    def __init__(self, narrows: Narrows, project: Project, found: Conflicted, contents: dict[str, bytes]) -> None:
        self._narrows, self._project, self._found = narrows, project, found
        self._mirror = narrows.mirror(project.id)
        self._contents = contents
        self._known: dict[tuple[str, str], list[Step]] = {}

    @cached_property
    def why(self) -> str:
        """Why there are no lines to show."""
        if self._found.kind not in SHOWING:
            return ""
        there = [side for side in _sides(self._found) if side]
        if all(side.mode == conflicts.LINK for side in there):
            return self._where_it_points
        if any(not file_notes.is_file(side.mode) for side in there):
            return ""
        if any(side.blob not in self._contents for side in there):
            return "It is too large to be shown here."
        if any(b"\0" in self._contents[side.blob][:8000] for side in there):
            return "It is binary, so there are no lines to compare."
        return "" if self._regions else "Its lines are the same on both sides."

    @property
    def _where_it_points(self) -> str:
        told = {f"on {self._project.target_branch}": self._found.target, "in this change": self._found.change}
        read = [(place, self._contents.get(side.blob)) for place, side in told.items() if side]
        points = [f"to {shown(where.decode(errors='surrogateescape'))} {place}" for place, where in read if where]
        return f"It is a symbolic link, {' and '.join(points)}: one has to be chosen."

    @cached_property
    def lines(self) -> int:
        """How many lines its places have, on all sides."""
        return sum(len(span) for region in self._regions for span in region if span)

    def places(self) -> list[Place]:
        if not self._regions:
            return []
        sources = {name: colouring.source(side.blob, side.path, side.mode) for name, side in self._there.items()}
        quick = all(len(self._contents[side.blob]) <= COLOURED for side in self._there.values())
        coloured = colouring.sides(self._narrows, self._project.id, sources.values(), patient=quick)
        return [self._place(region, sources, coloured) for region in self._regions]

    def _place(self, region: Region, sources: dict[str, Source], coloured: dict[Source, colouring.Side]) -> Place:
        columns = []
        for name, span in zip(SIDES, region, strict=True):
            if name not in sources or span is None:
                columns.append(Column(name, None, "", ""))
                continue
            texts = self._texts[name]
            html = three_sides.column(
                span,
                texts,
                coloured[sources[name]].lines,
                self._own[name],
                sign="d" if name == "base" else "a",
                ends=self._contents[self._there[name].blob].endswith(b"\n"),
            )
            columns.append(Column(name, span, "\n".join(span.of(texts)), html))
        return Place(columns)

    @cached_property
    def _there(self) -> dict[str, Side]:
        return {name: side for name, side in zip(SIDES, _sides(self._found), strict=True) if side}

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        return {name: colouring.text_lines(self._contents[side.blob]) for name, side in self._there.items()}

    @cached_property
    def _regions(self) -> list[Region]:
        """Where the sides differ; nothing of a file that has no lines, or that can't be read."""
        sides = self._there.values()
        if self._found.kind not in SHOWING or any(not file_notes.is_file(side.mode) for side in sides):
            return []
        if any(b"\0" in self._contents.get(side.blob, b"\0")[:8000] for side in sides):
            return []
        match sorted(self._there):
            case ["base", "change", "target"]:
                ours, theirs = self._steps("base", "target"), self._steps("base", "change")
                whole = (self._whole("target"), self._whole("change"))
                return three_sides.regions(ours, theirs, *whole)
            case ["change", "target"]:
                return [Region(None, *pair) for pair in three_sides.pairs(self._steps("target", "change"))]
            case ["base", "change"]:
                return [Region(old, None, new) for old, new in three_sides.pairs(self._steps("base", "change"))]
            case ["base", "target"]:
                return [Region(old, new, None) for old, new in three_sides.pairs(self._steps("base", "target"))]
            case _:
                return []

    def _whole(self, name: str) -> list[bytes]:
        return _LINE.findall(self._contents[self._there[name].blob])

    def _steps(self, old: str, new: str) -> list[Step]:
        both = self._there[old].blob, self._there[new].blob
        if both not in self._known:
            differs = both[0] != both[1]
            self._known[both] = three_sides.steps(conflicts.between(self._mirror, *both)) if differs else []
        return self._known[both]

    @cached_property
    def _own(self) -> dict[str, set[int]]:
        """By side, the lines that it has and the base has not; of the base, those that one of them has otherwise."""
        own: dict[str, set[int]] = {name: set() for name in SIDES}
        if "base" not in self._there:
            for step in self._steps("target", "change"):
                own["target"] |= set(range(step.start, step.end))
                own["change"] |= set(range(step.new_start, step.new_end))
            return own
        for name in ("target", "change"):
            for step in self._steps("base", name) if name in self._there else ():
                own["base"] |= set(range(step.start, step.end))
                own[name] |= set(range(step.new_start, step.new_end))
        return own


def how(found: Conflicted, branch: str) -> str:
    """In what way a file does not merge, as a sentence."""
    base, target, change = found.base, found.target, found.change
    match found.kind:
        case Kind.BOTH_CHANGED:
            return "Both changed where it points." if _mode(change) == "a link" else "Both changed the same lines."
        case Kind.BOTH_ADDED:
            return "Both added a file of this name."
        case Kind.REMOVED:
            gone, kept = (branch, "this change") if target is None else ("this change", branch)
            return f"{gone.capitalize() if gone != branch else gone} removed it, and {kept} changed it."
        case Kind.RENAMED_APART:
            names = [shown(side.path) if side else "another name" for side in (base, target, change)]
            return f"{branch} renamed {names[0]} to {names[1]}, this change to {names[2]}."
        case Kind.FOLDER_RENAMED:
            return "One side renamed the folder that the other one puts this file into."
        case Kind.FOLDER_UNCLEAR:
            return "A folder was renamed, and git can't tell where this belongs now."
        case Kind.MODES:
            return f"It is {_mode(target)} on {branch} and {_mode(change)} in this change."
        case Kind.BINARY:
            return "Both changed it, and it is binary, or .gitattributes says so: one of the two has to be chosen."
        case Kind.SUBMODULE:
            return f"The submodule is at {_at(target)} on {branch} and at {_at(change)} in this change."
        case Kind.FILE_AND_FOLDER:
            return "It is a file on one side and a folder on the other."
        case _:
            assert_never(found.kind)


def _mode(side: Side | None) -> str:
    modes = {"100644": "a file", "100755": "a program", "120000": "a link", "160000": "a submodule"}
    return modes.get(side.mode, side.mode) if side else "not there"


def _at(side: Side | None) -> str:
    if side is None:
        return "no commit"
    return side.blob[:10] if side.mode == conflicts.SUBMODULE else _mode(side)


def prompt(narrows: Narrows, change_id: int) -> str:
    """What to tell the agent of a change that no longer merges with its target; empty where it does, or has nothing.

    A remote is not asked for this.
    """
    with narrows.reading() as db:
        revision = queries.last_revision(db, change_id)
    return told(of_change(narrows, change_id, known=True)) if revision else ""


def told(conflict: Conflict) -> str:
    """The same of a conflict that is known."""
    if conflict.clean:
        return ""
    branch = conflict.project.target_branch
    return prompts.conflict(
        branch,
        conflict.target,
        [_cause(each) for each in conflict.movers[:NAMED]],
        [_clash(file, branch) for file in conflict.files],
    )


def _cause(moved: Moved) -> prompts.Cause:
    landed = f"{moved.title} (change {moved.change_id})" if moved.change_id else ""
    return prompts.Cause(moved.by.commit, visible.plain(moved.by.subject), landed)


def _clash(file: File, branch: str) -> prompts.Clash:
    names = {"base": "Before", "target": f"On {branch}", "change": "In this change"}
    meetings = [
        [
            (f"{names[each.side]}, {where(each.lines)}", visible.plain(each.text))
            for each in place.columns
            if each.lines is not None
        ]
        for place in file.places
    ]
    return prompts.Clash(file.found.path, how(file.found, branch), meetings)


def where(lines: Span) -> str:
    """Lines as a person says them."""
    if not lines:
        return f"nothing after line {lines.start}"
    first, last = lines.start + 1, lines.end
    return f"line {first}" if first == last else f"lines {first} to {last}"
