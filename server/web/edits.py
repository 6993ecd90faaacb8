"""Editing a change by hand: a file on a page, the worktree in the person's own editor."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import Response

from server.domain.change import Change
from server.domain.errors import NarrowsError, NotFound
from server.reading import order
from server.services import changes, checkouts, comparisons, desk, drafts, editors, edits, revisions, tasks
from server.services.edits import NoText, Text
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.files import HERE, File

router = APIRouter()
Counted = Annotated[int, Path(ge=0, le=2**31)]
MOST_ROWS = 40  # that a field begins with


@router.get("/changes/{change_id}/edits/new")
def ask(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    line: Annotated[int, Query(ge=1)] = 1,
    position: int | None = None,
) -> Response:
    """The ways to edit: each file here or in one's own editor, and taking what was edited there."""
    return _ways(request, narrows, change_id, line=line, position=position)


def _ways(
    request: Request,
    narrows: Narrows,
    change_id: int,
    *,
    line: int = 1,
    position: int | None = None,
    error: NarrowsError | None = None,
) -> Response:
    seen = desk.sheet(narrows, change_id)
    if seen.revision is None:
        raise NotFound("There is nothing to edit yet.", "Its agent has left nothing so far.")
    outline = revisions.outline(narrows, seen.revision)
    places = [place for place in order.reading_order(outline) if position in (None, place)]
    rows = [outline[place] for place in places if outline[place].new_mode != "000000"]
    tree = checkouts.find(narrows, seen.change)
    return rendering.page(
        request,
        narrows,
        "edits/new.html",
        status=error.status if error else 200,
        seen=seen,
        error=error,
        line=line,
        tree=tree,
        edited=checkouts.untaken(narrows, seen.change, seen.revision),
        files=[(File.of(row), editors.opening(narrows, seen.change, row.path, line)) for row in rows],
        whole=editors.opening(narrows, seen.change, ""),
        editor=narrows.settings.editor,
    )


@router.post("/changes/{change_id}/editor")
def open_editor(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    position: Annotated[str, Form()] = "",
    line: Annotated[int, Form(ge=1)] = 1,
) -> Response:
    """Open a file, or the worktree, in the person's editor; makes the worktree ready where there is none."""
    here = f"/changes/{change_id}/edits/new?line={line}{f'&position={position}' if position else ''}"
    try:
        path = _path(narrows, change_id, revision, position)
        found = editors.start(narrows, change_id, revision=revision, path=path, line=line)
    except NarrowsError as error:
        place = int(position) if position.isdecimal() else None
        return _ways(request, narrows, change_id, line=line, position=place, error=error)
    return rendering.go(request, f"{here}&done=opened-{change_id}" if found.starts else here)


def _path(narrows: Narrows, change_id: int, number: int, position: str) -> str:
    if not position:
        return ""
    if not position.isdecimal():
        raise NotFound("There is no such file.", "Reload the page.")
    return revisions.file(narrows, revisions.get(narrows, change_id, number), int(position)).path


@router.post("/changes/{change_id}/revisions")
def take(request: Request, narrows: NarrowsDep, change_id: int, revision: Annotated[int, Form()]) -> Response:
    """What was edited in the worktree becomes the next revision."""
    try:
        edits.take(narrows, change_id, revision=revision)
    except NarrowsError as error:
        return _ways(request, narrows, change_id, error=error)
    return rendering.go(request, f"/changes/{change_id}?done=took-{change_id}")


@router.get(HERE + "/edit")
def ask_edit(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    position: Counted,
    since: int | None = None,
    line: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """A file in a field, with what was typed there before; why not, where a page can't edit it."""
    change, path = _file(narrows, change_id, number, position, since)
    try:
        text = edits.read(narrows, change_id, number, path)
    except NoText as error:
        return _field(request, narrows, change, number, Text(path, "", ""), line=line, error=error)
    typed = drafts.find(narrows, text.key).get(text.key)
    return _field(request, narrows, change, number, text, typed=typed, line=line)


@router.post(HERE + "/edit")
def edit(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    position: Counted,
    since: int | None = None,
    text: Annotated[str, Form()] = "",
) -> Response:
    """The file with that text is the next revision."""
    change, path = _file(narrows, change_id, number, position, since)
    try:
        edits.edit(narrows, change_id, revision=number, path=path, text=text)
    except NarrowsError as error:
        key = _key(narrows, change_id, number, path)
        typed = text.replace("\r\n", "\n")
        return _field(request, narrows, change, number, Text(path, typed, key), typed=typed, error=error)
    return rendering.go(request, f"/changes/{change_id}?done=edited-{change_id}#file-{position}")


def _file(narrows: Narrows, change_id: int, number: int, position: int, since: int | None) -> tuple[Change, str]:
    """The file's name in the revision; `position` counts in what the revision is compared with."""
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    compared = comparisons.of(narrows, change, revision, since or None)
    return change, comparisons.file(narrows, compared, position).path


def _key(narrows: Narrows, change_id: int, number: int, path: str) -> str:
    try:
        return edits.read(narrows, change_id, number, path).key
    except NarrowsError:
        return ""


def _field(
    request: Request,
    narrows: Narrows,
    change: Change,
    number: int,
    text: Text,
    *,
    typed: str | None = None,
    error: NarrowsError | None = None,
    **more: Any,
) -> Response:
    shown = text.text if typed is None else typed
    return rendering.page(
        request,
        narrows,
        "edits/file.html",
        status=error.status if error and typed is not None else 200,
        block="form",
        change=change,
        title=tasks.get(narrows, change.task_id).title,
        number=number,
        text=text,
        shown=shown,
        restored=typed is not None and error is None,
        editable=bool(text.key),
        rows=min(shown.count("\n") + 2, MOST_ROWS),
        error=error,
        action=f"{request.url.path}{f'?{request.url.query}' if request.url.query else ''}",
        **({"line": 1} | more),
    )
