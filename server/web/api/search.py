"""Finding words in all lines of a change."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from server.domain.base import shown
from server.domain.review import Side
from server.reading import visible
from server.reading.hits import LONGEST
from server.services import changes, comparisons, revisions, search
from server.web.api.asked import LARGEST, Number
from server.web.context import NarrowsDep

router = APIRouter(tags=["revisions"])


class HitAnswer(BaseModel):
    """A line that has the words."""

    model_config = ConfigDict(from_attributes=True)

    position: int = Field(description="The file's place in the revision's files.")
    path: str
    side: Side = Field(description='"old" for a line that was removed.')
    line: int
    text: str


class FoundAnswer(BaseModel):
    """The first hits, in reading order, and how many there are."""

    hits: list[HitAnswer]
    total: int
    files: int


@router.get("/changes/{change_id}/revisions/{number}/search", summary="Find words in all lines of a diff")
def find(
    narrows: NarrowsDep,
    change_id: Number,
    number: Number,
    q: Annotated[str, Query(max_length=LONGEST, description="What to look for, in whatever case.")],
    since: Annotated[int | None, Query(ge=1, le=LARGEST, description="Only what was done since that revision.")] = None,
    limit: Annotated[int, Query(ge=1, le=search.MOST)] = search.MOST,
) -> FoundAnswer:
    compared = comparisons.of(
        narrows, changes.get(narrows, change_id), revisions.get(narrows, change_id, number), since
    )
    found = search.find(narrows, compared, q, limit)
    hits = [
        HitAnswer(
            position=hit.position,
            path=shown(hit.path),
            side=hit.side,
            line=hit.line,
            text=visible.plain(hit.text),
        )
        for hit in found.hits
    ]
    return FoundAnswer(hits=hits, total=found.total, files=found.files)
