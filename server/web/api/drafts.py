"""Drafts of tasks: those of a report's items, and the refactorings that Narrows drafts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from server.services import cadence, task_drafts
from server.web.api.answers import Answer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/drafts", tags=["tasks"])


class DraftAnswer(Answer):
    name: str
    title: str
    fields: dict[str, str] = Field(description="As they would be typed into the form of a new task.")
    by_narrows: bool = Field(description="Whether Narrows drafted it, since so many changes landed.")


@router.get("", summary="Drafts of tasks", description="Oldest first. File one by its fields, then discard it.")
def every(narrows: NarrowsDep) -> list[DraftAnswer]:
    return [
        DraftAnswer(
            name=draft.name,
            title=draft.title,
            fields={name: text for name, text in draft.fields.items() if name != cadence.MARK},
            by_narrows=cadence.MARK in draft.fields,
        )
        for draft in task_drafts.every(narrows)
    ]


@router.delete("/{name}", status_code=204, summary="Discard a draft", response_class=Response)
def discard(narrows: NarrowsDep, name: Annotated[str, Path(max_length=40)]) -> None:
    task_drafts.discard(narrows, name)
