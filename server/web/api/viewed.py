"""Marks on files that were read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from server.domain.diff import Comparison
from server.services import changes, comparisons, revisions, viewed
from server.services.narrows import Narrows
from server.web.api.asked import LARGEST, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}", tags=["revisions"])

Position = Annotated[int, Path(ge=0, le=LARGEST)]
Since = Annotated[int | None, Query(ge=1, le=LARGEST, description="Compared with that revision; else with the base.")]


@router.get("/viewed", summary="The files that you have viewed", description="Their positions.")
def every(narrows: NarrowsDep, change_id: Number, number: Number, since: Since = None) -> list[int]:
    return sorted(viewed.viewed(narrows, _comparison(narrows, change_id, number, since)))


@router.put("/files/{position}/viewed", summary="Mark a file as viewed", description="The mark goes with its content.")
def mark(narrows: NarrowsDep, change_id: Number, number: Number, position: Position, since: Since = None) -> list[int]:
    comparison = _comparison(narrows, change_id, number, since)
    viewed.mark(narrows, comparison, position)
    return sorted(viewed.viewed(narrows, comparison))


@router.delete("/files/{position}/viewed", summary="Take the mark away")
def unmark(
    narrows: NarrowsDep, change_id: Number, number: Number, position: Position, since: Since = None
) -> list[int]:
    comparison = _comparison(narrows, change_id, number, since)
    viewed.unmark(narrows, comparison, position)
    return sorted(viewed.viewed(narrows, comparison))


def _comparison(narrows: Narrows, change_id: int, number: int, since: int | None) -> Comparison:
    return comparisons.of(narrows, changes.get(narrows, change_id), revisions.get(narrows, change_id, number), since)
