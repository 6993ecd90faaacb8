"""Revisions: the files of each, and the exact patch."""

from __future__ import annotations

from fastapi import APIRouter, Response

from server.domain.change import Revision
from server.domain.errors import NotFound
from server.domain.file_row import FileRow
from server.reading import order
from server.services import revisions
from server.web.api.answers import FileAnswer, RevisionAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions", tags=["revisions"])


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
def patch(narrows: NarrowsDep, change_id: Number, number: Number) -> Response:
    found = revisions.get(narrows, change_id, number)
    return _attached(narrows, found, f"change-{change_id}-{number}.patch")


def _attached(narrows: NarrowsDep, found: Revision, name: str) -> Response:
    headers = {"Content-Type": "text/x-diff", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(revisions.patch(narrows, found), headers=headers)


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
    return _attached(narrows, found, f"change-{change_id}-{number}-aside.patch")


@router.get("/{number}", summary="One revision")
def one(narrows: NarrowsDep, change_id: Number, number: Number) -> RevisionAnswer:
    return RevisionAnswer.model_validate(revisions.get(narrows, change_id, number))


@router.get("/{number}/files", summary="A revision's files", description="In git's order.")
def files(narrows: NarrowsDep, change_id: Number, number: Number) -> list[FileAnswer]:
    found = revisions.get(narrows, change_id, number)
    return [_file(row) for row in revisions.outline(narrows, found)]


def _file(row: FileRow) -> FileAnswer:
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
    )
