"""Code that came along with a report: read, and nothing decided."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.domain.diff import Comparison
from server.domain.errors import NotFound
from server.services import changes, preferences, revisions
from server.web import files, rendering
from server.web.context import NarrowsDep
from server.web.reader import Reader

router = APIRouter()


@router.get("/changes/{change_id}/revisions/{number}/aside")
def show(request: Request, narrows: NarrowsDep, change_id: int, number: int) -> Response:
    """Every file of it, each with its first rows.

    Raises:
        NotFound: Nothing came along.
    """
    change = changes.get(narrows, change_id)
    aside = revisions.aside(narrows, revisions.get(narrows, change_id, number))
    if aside is None:
        raise NotFound(f"Nothing came along with revision {number}.", "Its report is all there is.")
    look = preferences.look(narrows)
    compared = Comparison(change.project_id, change_id, number, aside.base_tree, aside.tree)
    reader = Reader(rendering.templates(request), narrows, compared, look, ())
    listed = files.outline(narrows, aside, -1)
    return rendering.page(
        request,
        narrows,
        "changes/aside.html",
        change=change,
        number=number,
        look=look,
        files=[(file, reader.piece(file.position)) for file in listed],
    )
