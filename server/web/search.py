"""Finding words in all lines of a change: a panel on its page, or a page of its own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.domain.errors import NarrowsError
from server.services import changes, comparisons, revisions, search
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

BEFORE, LONG = 40, 200  # characters shown of a line: before the words, and in all


@router.get("/changes/{change_id}/revisions/{number}/search")
def find(
    request: Request, narrows: NarrowsDep, change_id: int, number: int, q: str = "", since: int | None = None
) -> Response:
    """The lines that have `q`; without it the form alone."""
    here = _context(narrows, change_id, number, q, since)
    if rendering.partial(request):
        return rendering.fragment(request, "search/_panel.html", **here)
    return rendering.page(request, narrows, "search/show.html", **here)


def _context(narrows: Narrows, change_id: int, number: int, wanted: str, since: int | None) -> dict[str, Any]:
    change = changes.get(narrows, change_id)
    comparison = comparisons.of(narrows, change, revisions.get(narrows, change_id, number), since)
    error = None
    try:
        found = search.find(narrows, comparison, wanted)
    except NarrowsError as refused:
        found, error = search.Found([], 0, 0), refused
    return {
        "change": change,
        "comparison": comparison,
        "here": f"/changes/{change_id}/revisions/{number}",
        "wanted": wanted,
        "found": found,
        "error": error,
        "around": around,
    }


def around(text: str, wanted: str) -> str:
    """The part of a line that is shown with what was found in it."""
    text = text.strip()
    start = max(0, text.lower().find(wanted.lower()) - BEFORE)
    cut = text[start : start + LONG]
    return f"{'…' if start else ''}{cut}{'…' if start + LONG < len(text) else ''}"
