"""What stands above the diff for some kinds of task, where nobody had looked for it when the page was made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from server.domain.diff import Comparison
from server.services import changes, comparisons, patterns, revisions, shapes
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}")

Since = Annotated[int, Query(ge=0)]


@router.get("/patterns")
def show_patterns(request: Request, narrows: NarrowsDep, change_id: int, number: int, since: Since = 0) -> Response:
    """The edits that repeat; without htmx the change's page, which shows them then."""
    comparison = _comparison(narrows, change_id, number, since)
    found = patterns.find(narrows, comparison)
    if not rendering.partial(request):
        return _back(request, comparison)
    return rendering.fragment(
        request, "changes/_patterns.html", comparison=comparison, patterns=found, places=_places(narrows, comparison)
    )


@router.get("/shape")
def show_shape(request: Request, narrows: NarrowsDep, change_id: int, number: int, since: Since = 0) -> Response:
    """What a refactoring did to tests and names; without htmx the change's page, which shows it then."""
    comparison = _comparison(narrows, change_id, number, since)
    found = shapes.find(narrows, comparison)
    if not rendering.partial(request):
        return _back(request, comparison)
    return rendering.fragment(
        request, "changes/_shape.html", comparison=comparison, shape=found, places=_places(narrows, comparison)
    )


def _comparison(narrows: Narrows, change_id: int, number: int, since: int) -> Comparison:
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    return comparisons.of(narrows, change, revision, since or None)


def _places(narrows: Narrows, comparison: Comparison) -> dict[str, int]:
    return {row.path: row.position for row in comparisons.outline(narrows, comparison)}


def _back(request: Request, read: Comparison) -> Response:
    return rendering.go(request, f"/changes/{read.change_id}?revision={read.number}&since={read.since or 0}")
