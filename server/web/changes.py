"""Changes: the sheet of one, its files, the logs of its checks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from server.services import changes, checks, revisions
from server.web import rendering, sheet
from server.web.context import NarrowsDep
from server.web.files import outline
from server.web.reader import Reader

router = APIRouter()


@router.get("/changes/{change_id}")
def show(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: int | None = None,
    files: Annotated[str, Query(pattern="^(all)?$")] = "",
) -> Response:
    """The sheet of a change."""
    made = sheet.build(narrows, change_id, revision, everything=files == "all")
    return sheet.response(request, narrows, made)


@router.get("/changes/{change_id}/revisions/{number}/files/{position}")
def show_file(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    number: int,
    position: int,
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
) -> Response:
    """A file's rows, as a piece of the sheet or on a page of its own."""
    change = changes.get(narrows, change_id)
    revision = revisions.get(narrows, change_id, number)
    read = Reader(rendering.templates(request), narrows, change, revision)
    piece = read.piece(position, start)
    here: dict[str, Any] = {
        "change": change,
        "revision": revision,
        "position": position,
        "start": start,
        "piece": piece,
    }
    if rendering.partial(request):
        return rendering.fragment(request, "changes/_rows.html", **here)
    file = next(file for file in outline(narrows, revision) if file.position == position)
    return rendering.page(request, narrows, "changes/file.html", file=file, **here)


@router.get("/checks/{check_id}/log")
def show_log(request: Request, narrows: NarrowsDep, check_id: int) -> Response:
    """A check's whole log, as text."""
    text = checks.log(narrows, check_id)
    if rendering.partial(request):
        return rendering.fragment(request, "changes/_log.html", text=text)
    return PlainTextResponse(text)
