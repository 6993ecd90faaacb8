"""The trash: what was put away, and having it back."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import Invalid, NarrowsError
from server.services import cleaning, restorals, trash
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()


@router.get("/trash")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """What is there, by project and age, and until when."""
    return _page(request, narrows)


@router.post("/trash/{trash_id}/restoration")
def restore(request: Request, narrows: NarrowsDep, trash_id: int, to: Annotated[str, Form()] = "") -> Response:
    """Have it back: where it came from, or in a folder."""
    try:
        folder = Path(to.strip()).expanduser() if to.strip() else None
        back = restorals.restore(narrows, trash_id, folder)
    except RuntimeError:
        error = Invalid("to", f"There is no home for {to.strip()}.", "Name a whole path.")
        return _page(request, narrows, error, trash_id, to)
    except NarrowsError as error:
        return _page(request, narrows, error, trash_id, to)
    if back.project is not None:
        return rendering.go(request, f"/projects/{back.project.id}?done=registered-{back.project.id}")
    if back.change is None:
        return rendering.go(request, f"/trash?done=written-{trash_id}")
    return rendering.go(request, f"/changes/{back.change.id}?done=restored-{back.change.id}")


@router.post("/trash/{trash_id}/removal")
def remove(request: Request, narrows: NarrowsDep, trash_id: int) -> Response:
    """For good."""
    try:
        trash.remove(narrows, trash_id)
    except NarrowsError as error:
        return _page(request, narrows, error, trash_id)
    return rendering.go(request, f"/trash?done=removed-{trash_id}")


@router.post("/trash/worktrees")
def save(request: Request, narrows: NarrowsDep) -> Response:
    """Have another look at worktrees that could not be saved."""
    before = len(cleaning.unsaved(narrows))
    saved = before - len(cleaning.try_again(narrows))
    return rendering.go(request, f"/trash?done=saved-{saved}" if saved else "/trash")


@router.get("/trash/{trash_id}.patch")
def download(narrows: NarrowsDep, trash_id: int) -> Response:
    """All of it as a patch."""
    return patch(narrows, trash_id)


def patch(narrows: Narrows, trash_id: int) -> Response:
    """The patch as a file to download."""
    name = f"narrows-trash-{trash_id}.patch"
    return Response(
        restorals.patch(narrows, trash_id),
        media_type="text/x-diff",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _page(
    request: Request, narrows: Narrows, error: NarrowsError | None = None, refused: int = 0, typed: str = ""
) -> Response:
    """The trash; what was `refused` of one of its rows is said there, with what was typed."""
    items = trash.every(narrows)
    settings = narrows.settings
    return rendering.page(
        request,
        narrows,
        "trash/index.html",
        status=error.status if error else 200,
        error=error,
        refused=refused if any(item.row.id == refused for item in items) else 0,
        typed=typed,
        groups=[list(found) for _, found in groupby(items, key=lambda item: item.project.id)],
        total=sum(item.row.size for item in items),
        unsaved=cleaning.unsaved(narrows),
        days=settings.trash_days,
        megabytes=settings.trash_mb,
        section="tasks",
    )
