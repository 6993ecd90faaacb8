"""The trash: what was put away, and having it back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from server.domain.trash import Kept
from server.services import restorals, trash
from server.services.trash import Item
from server.web.api.answers import Answer, ChangeBrief
from server.web.api.asked import Asked, Number, Text
from server.web.context import NarrowsDep
from server.web.trash import patch

router = APIRouter(prefix="/trash", tags=["trash"])


class TrashAnswer(Answer):
    """Something that can be had back."""

    id: int
    project_id: int
    project: str
    change_id: int | None
    title: str = Field(description="Its task's; empty where it is of no change.")
    kind: Kept
    why: str
    size: int = Field(description="Bytes that nothing else holds, about.")
    left_out: list[str] = Field(description="Ignored files that stood there and are not kept.")
    at: datetime
    until: datetime | None = Field(description="When it goes; null: there is no limit of time.")

    @classmethod
    def of(cls, item: Item) -> TrashAnswer:
        told = {name: getattr(item.row, name) for name in cls.model_fields if hasattr(item.row, name)}
        return cls(**told, project=item.project.name, title=item.title, until=item.until)


class Restoration(Asked):
    """Where to."""

    to: Text | None = Field(
        default=None, description="A folder that is not there yet, by its whole path; else back to where it came from."
    )


class RestoredAnswer(Answer):
    change: ChangeBrief | None = Field(description="The change that it is in now.")
    folder: str | None = Field(description="The folder that it was written to.")
    project: int | None = Field(description="The number of the project, which is registered again.")


@router.get("", summary="What is in the trash", description="Project by project, newest first.")
def every(narrows: NarrowsDep) -> list[TrashAnswer]:
    return [TrashAnswer.of(item) for item in trash.every(narrows)]


@router.post(
    "/{trash_id}/restoration",
    summary="Have it back",
    description="An abandoned change is on the desk again; files become the next revision of their change; a project "
    "is registered again.",
)
def restore(narrows: NarrowsDep, trash_id: Number, asked: Restoration) -> RestoredAnswer:
    back = restorals.restore(narrows, trash_id, Path(asked.to) if asked.to else None)
    change = ChangeBrief.model_validate(back.change) if back.change else None
    project = back.project.id if back.project else None
    return RestoredAnswer(change=change, folder=str(back.folder) if back.folder else None, project=project)


@router.get("/{trash_id}.patch", summary="All of it as a patch", response_class=Response)
def download(narrows: NarrowsDep, trash_id: Number) -> Response:
    return patch(narrows, trash_id)


@router.delete("/{trash_id}", status_code=204, summary="Remove it for good")
def remove(narrows: NarrowsDep, trash_id: Number) -> None:
    trash.remove(narrows, trash_id)
