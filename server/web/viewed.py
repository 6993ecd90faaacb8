"""Marks on files that the person has read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.diff import Comparison
from server.services import changes, comparisons, revisions, viewed
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}/files/{position}")
_QUERY = re.compile(r"(\?[\w=&.%+-]*)?")  # back to the page as it was, and nowhere else

Since = Annotated[int, Form()]
Back = Annotated[str, Form()]


@router.post("/viewed")
def mark(
    request: Request, narrows: NarrowsDep, change_id: int, number: int, position: int, since: Since = 0, back: Back = ""
) -> Response:
    """The file was read."""
    return _marked(request, narrows, (change_id, number, since), position, back, viewed.mark)


@router.post("/unviewed")
def unmark(
    request: Request, narrows: NarrowsDep, change_id: int, number: int, position: int, since: Since = 0, back: Back = ""
) -> Response:
    """It is to be read again."""
    return _marked(request, narrows, (change_id, number, since), position, back, viewed.unmark)


def _marked(
    request: Request,
    narrows: Narrows,
    read: tuple[int, int, int],
    position: int,
    back: str,
    deed: Callable[[Narrows, Comparison, int], None],
) -> Response:
    """Do it, and show the form as it is now with the progress; or go back to the file on its page.

    Args:
        read: The change, the revision's number, and the earlier one's that it is compared with; 0: its base.
        back: The query of the page.
    """
    change_id, number, since = read
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    comparison = comparisons.of(narrows, change, revision, since or None)
    deed(narrows, comparison, position)
    query = back if _QUERY.fullmatch(back) else ""
    if not rendering.partial(request):
        return rendering.go(request, f"/changes/{change_id}{query}#file-{position}")
    marked = viewed.viewed(narrows, comparison)
    return rendering.fragment(
        request,
        "changes/_marked.html",
        comparison=comparison,
        position=position,
        marked=marked,
        total=len(comparisons.outline(narrows, comparison)),
        back=query,
    )
