"""A file of a diff as pages show it: what became of it in words, its rows, the lines around them, its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from server.domain.agent_config import configures_agents, instructs_agents
from server.domain.base import shown
from server.domain.change import Change, Revision
from server.domain.diff import Comparison, FileOutline, FileStatus
from server.domain.errors import NotFound
from server.reading import order
from server.services import anchors, changes, comparisons, renderings, revisions, viewed
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.looks import AskedDep
from server.web.reader import Reader

HERE = "/changes/{change_id}/revisions/{number}/files/{position}"
MOST_LINES = 20_000  # that can be asked for at once around what is shown
# A picture is an agent's, and may be a program (SVG): it is shown inside a page of ours and never as one of its own.
PICTURE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_ABSENT = "000000"
_MODES = {"100644": "file", "100755": "executable", "120000": "symbolic link", "160000": "submodule"}
_TALL = (10, 25, 50, 100, 200, 400)  # rows; a skeleton's heights in app.css


router = APIRouter()
Counted = Annotated[int, Path(ge=0, le=2**31)]


@dataclass(frozen=True)
class File:
    """One file in the outline of a revision. `notes` say what the rows alone don't."""

    position: int
    name: str
    old_name: str
    word: str
    letter: str
    notes: list[str]
    additions: int | None
    deletions: int | None
    folded: str
    tall: int
    eager: bool = False

    @classmethod
    def of(cls, row: FileOutline, *, eager: bool = False, folded: str = "") -> File:
        """`folded`: why it is, where nothing else folds it."""
        changed = (row.additions or 0) + (row.deletions or 0)
        return cls(
            position=row.position,
            name=shown(row.path),
            old_name=shown(row.old_path) if row.old_path and row.old_path != row.path else "",
            word=row.status.name.lower().replace("_", " "),
            letter=row.status.value,
            notes=_notes(row),
            additions=row.additions,
            deletions=row.deletions,
            folded=order.folded(row.path) or folded,
            tall=next((size for size in _TALL if changed + 6 <= size), _TALL[-1]),
            eager=eager,
        )


def outline(narrows: Narrows, revision: Revision, eager: int = 2) -> list[File]:
    """A revision's files in reading order; the first few (all with -1) that nothing folds are shown at once."""
    found = revisions.outline(narrows, revision)
    files = []
    for place in order.reading_order(found):
        at_once = eager != 0 and not order.folded(found[place].path)
        files.append(File.of(found[place], eager=at_once))
        eager -= at_once
    return files


def _notes(row: FileOutline) -> list[str]:
    notes = _notes_on_agents(row)
    old, new = _MODES.get(row.old_mode, row.old_mode), _MODES.get(row.new_mode, row.new_mode)
    if row.status is FileStatus.ADDED and new != "file":
        notes.append(f"new {new}")
    elif row.status is FileStatus.DELETED and old != "file":
        notes.append(f"was a {old}")
    elif row.old_mode != row.new_mode and _ABSENT not in (row.old_mode, row.new_mode):
        notes.append(f"{old} becomes {new}")
    elif new in ("symbolic link", "submodule"):
        notes.append(new)
    if row.additions is None:
        notes.append("binary")
    if row.similarity is not None and row.similarity < 100:
        notes.append(f"{row.similarity} % the same")
    return notes


def _notes_on_agents(row: FileOutline) -> list[str]:
    names = [name for name in (row.path, row.old_path) if name]
    if any(map(configures_agents, names)):
        return ["can run code when an agent starts"]
    return ["instructs agents"] if any(map(instructs_agents, names)) else []


@router.get(HERE)
def show(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    position: Counted,
    asked: AskedDep,
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
    patient: bool = False,
    tools: bool = False,
    context: Literal["all", ""] = "",
) -> Response:
    """A file's rows from a chunk on, as a piece of the sheet or on a page of its own.

    Args:
        patient: Coloured, and with moved lines told apart, however long that takes.
        tools: With what can be done with the file above them.
        context: "all": with all lines of the file.
    """
    change, revision, comparison = _compared(narrows, change_id, number, asked.since)
    alone = not rendering.partial(request)
    placed = anchors.placed(narrows, change_id, number, comparison.since)
    reader = Reader(rendering.templates(request), narrows, comparison, asked.look, placed)
    piece = reader.piece(position, start, whole=context == "all", patient=patient or alone)
    here: dict[str, Any] = {
        "comparison": comparison,
        "look": asked.look,
        "position": position,
        "start": start,
        "whole": context == "all",
        "piece": piece,
    }
    if not (alone or tools):
        return rendering.fragment(request, "changes/_rows.html", **here)
    row = next(row for row in comparisons.outline(narrows, comparison) if row.position == position)
    here |= {"file": File.of(row), "asked": asked.of(number, comparison.since)}
    if not alone:
        more: dict[str, Any] = {
            "marked": viewed.viewed(narrows, comparison),
            "editable": changes.editable(narrows, change, number),
        }
        return rendering.fragment(request, "changes/_rows.html", tools=True, **here, **more)
    return rendering.page(
        request,
        narrows,
        "changes/file.html",
        change=change,
        revision=revision,
        changes_lines=bool(row.additions or row.deletions),
        **here,
    )


@router.get(HERE + "/context")
def show_context(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    position: Counted,
    asked: AskedDep,
    new: Annotated[int, Query(ge=1)],
    count: Annotated[int, Query(ge=1, le=MOST_LINES)] = 20,
) -> Response:
    """Rows of unchanged lines, from the line `new` of the new file on; without htmx the file's page with all lines."""
    if not rendering.partial(request):
        query = asked.query(revision=None, path=None, context="all")
        return RedirectResponse(f"/changes/{change_id}/revisions/{number}/files/{position}{query}", 303)
    _, _, comparison = _compared(narrows, change_id, number, asked.since)
    return HTMLResponse(renderings.context(narrows, comparison, position, new, count, asked.look))


@router.get(HERE + "/image")
def show_image(
    narrows: NarrowsDep, change_id: int, number: int, position: Counted, asked: AskedDep, side: Literal["old", "new"]
) -> Response:
    """One side of a file that is a picture.

    Raises:
        NotFound: It is none.
    """
    _, _, comparison = _compared(narrows, change_id, number, asked.since)
    found = renderings.picture(narrows, comparison, position, side)
    if found is None:
        raise NotFound("This is no picture.")
    media, content = found
    return Response(
        content, media_type=media, headers={"Content-Security-Policy": PICTURE, "Content-Disposition": "attachment"}
    )


def _compared(narrows: Narrows, change_id: int, number: int, since: int | None) -> tuple[Change, Revision, Comparison]:
    """Against the base, unless the address names an earlier revision."""
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    return change, revision, comparisons.of(narrows, change, revision, since or None)
