"""Revisions: the files of each, and the exact patch."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Response

from server.domain.diff import Comparison, FileOutline
from server.domain.errors import NotFound
from server.reading import order
from server.services import changes, comparisons, revisions
from server.services.narrows import Narrows
from server.web.api.answers import FileAnswer, RevisionAnswer
from server.web.api.asked import LARGEST, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions", tags=["revisions"])

Since: TypeAlias = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST,
        description="An earlier revision's number: only what was done since then. That revision is brought onto this "
        "one's base first, so what only the base changed is left out. Without it: all that differs from the base.",
    ),
]


@router.get("", summary="A change's revisions", description="Oldest first.")
def every(narrows: NarrowsDep, change_id: Number) -> list[RevisionAnswer]:
    return [RevisionAnswer.model_validate(revision) for revision in revisions.of_change(narrows, change_id)]


@router.get(
    "/{number}.patch",
    summary="The exact patch",
    description="Bytes that `git apply` turns the base tree into the head tree with.",
    response_class=Response,
    responses={200: {"content": {"text/x-diff": {}}}},
)
def patch(narrows: NarrowsDep, change_id: Number, number: Number, since: Since = None) -> Response:
    compared = _compared(narrows, change_id, number, since)
    later = f"-since-{since}" if since else ""
    return _attached(comparisons.patch(narrows, compared), f"change-{change_id}-{number}{later}.patch")


def _compared(narrows: Narrows, change_id: int, number: int, since: int | None) -> Comparison:
    found = revisions.get(narrows, change_id, number)
    return comparisons.of(narrows, changes.get(narrows, change_id), found, since)


def _attached(text: bytes, name: str) -> Response:
    headers = {"Content-Type": "text/x-diff", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, headers=headers)


@router.get(
    "/{number}/aside.patch",
    summary="The patch of the code that came along with a report",
    description="Bytes for `git apply` on the report's base; 404 where nothing came along.",
    response_class=Response,
    responses={200: {"content": {"text/x-diff": {}}}},
)
def aside(narrows: NarrowsDep, change_id: Number, number: Number) -> Response:
    found = revisions.aside(narrows, revisions.get(narrows, change_id, number))
    if found is None:
        raise NotFound(f"Nothing came along with revision {number}.", "Its report is all there is.")
    return _attached(revisions.patch(narrows, found), f"change-{change_id}-{number}-aside.patch")


@router.get("/{number}", summary="One revision")
def one(narrows: NarrowsDep, change_id: Number, number: Number) -> RevisionAnswer:
    return RevisionAnswer.model_validate(revisions.get(narrows, change_id, number))


@router.get("/{number}/files", summary="A revision's files", description="In git's order.")
def files(narrows: NarrowsDep, change_id: Number, number: Number, since: Since = None) -> list[FileAnswer]:
    compared = _compared(narrows, change_id, number, since)
    return [_file(row, compared) for row in comparisons.outline(narrows, compared)]


def _file(row: FileOutline, compared: Comparison) -> FileAnswer:
    return FileAnswer(
        position=row.position,
        path=row.path,
        old_path=row.old_path,
        status=row.status,
        old_mode=row.old_mode,
        new_mode=row.new_mode,
        old_blob=row.old_blob,
        new_blob=row.new_blob,
        additions=row.additions,
        deletions=row.deletions,
        binary=row.additions is None,
        folded=order.folded(row.path),
        blurred=row.path in compared.blurred,
    )
