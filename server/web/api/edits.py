"""Edits by hand: a file's new text, or what stands in a change's worktree, as the next revision."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.services import changes, checkouts, edits
from server.web.api.answers import Answer, RevisionAnswer
from server.web.api.asked import Asked, Id, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}", tags=["revisions"])


class NewEdit(Asked):
    """A whole file as it should be."""

    revision: Id = Field(description="The revision that was edited; refused when a newer one came.")
    path: Text
    text: Text = Field(description="Its lines end with a line feed; the file keeps the line ends that it has.")


class Taken(Asked):
    revision: Id = Field(description="The revision that was edited; refused when a newer one came.")


class WorktreeAnswer(Answer):
    path: str | None = Field(description="null: the change has none now.")


@router.post("/edits", status_code=201, summary="Edit a file by hand", description="The result is the next revision.")
def edit(narrows: NarrowsDep, change_id: Number, asked: NewEdit) -> RevisionAnswer:
    return RevisionAnswer.model_validate(edits.edit(narrows, change_id, **asked.model_dump()))


@router.post(
    "/revisions",
    status_code=201,
    summary="Take what was edited in the worktree",
    description="As the next revision; 409 where nothing differs from the newest one.",
)
def take(narrows: NarrowsDep, change_id: Number, asked: Taken) -> RevisionAnswer:
    return RevisionAnswer.model_validate(edits.take(narrows, change_id, revision=asked.revision))


@router.get("/worktree", summary="Where a change's worktree is")
def worktree(narrows: NarrowsDep, change_id: Number) -> WorktreeAnswer:
    found = checkouts.find(narrows, changes.get(narrows, change_id))
    return WorktreeAnswer(path=str(found) if found else None)
