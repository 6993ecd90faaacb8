"""Where a change does not merge with its target, and bringing it up to date where it does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from server.services import conflicts, rebases
from server.services.conflicts import Conflict, Kind
from server.web.api.answers import Answer, FileName, RevisionAnswer
from server.web.api.asked import LARGEST, Asked, Id, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}", tags=["conflicts"])

Before = Annotated[int | None, Query(alias="with", ge=1, le=LARGEST, description="A change that lands first.")]


class SideAnswer(Answer):
    side: str = Field(description="`base`, `target` or `change`.")
    line: int | None = Field(description="The first of its lines, from 1; null: it has no such file.")
    lines: int = Field(description="How many there are; 0: it has nothing there.")
    text: str


class ConflictedAnswer(Answer):
    path: FileName
    kind: Kind
    sentence: str
    places: list[list[SideAnswer]] = Field(description="Each place where the sides differ; of binary files, none.")


class MoverAnswer(Answer):
    commit: str
    author: str
    subject: str
    landing_id: int | None = Field(description="The landing that brought it, if Narrows did.")
    change_id: int | None


class ConflictAnswer(Answer):
    revision: int
    target: str = Field(description="The commit of the target that it was asked of.")
    moved: int = Field(description="How many commits the target has that the revision's base has not.")
    files: list[ConflictedAnswer] = Field(description="Empty: it merges.")
    movers: list[MoverAnswer] = Field(description="Who moved the target in these files, newest first.")

    @classmethod
    def of(cls, found: Conflict) -> ConflictAnswer:
        return cls(
            revision=found.revision.number,
            target=found.target,
            moved=found.moved,
            files=[_file(file, found.project.target_branch) for file in found.files],
            movers=[
                MoverAnswer(
                    commit=each.by.commit,
                    author=each.by.author,
                    subject=each.by.subject,
                    landing_id=each.landing_id,
                    change_id=each.change_id,
                )
                for each in found.movers
            ],
        )


def _file(file: conflicts.File, branch: str) -> ConflictedAnswer:
    return ConflictedAnswer(
        path=file.found.path,
        kind=file.found.kind,
        sentence=conflicts.how(file.found, branch),
        places=[[_side(column) for column in place.columns] for place in file.places],
    )


def _side(column: conflicts.Column) -> SideAnswer:
    lines = column.lines
    return SideAnswer(
        side=column.side,
        line=lines.start + 1 if lines is not None else None,
        lines=len(lines) if lines is not None else 0,
        text=column.text.encode("utf-8", "backslashreplace").decode(),
    )


class Rebase(Asked):
    revision: Id = Field(description="The revision that was read; refused when a newer one came.")


@router.get("/conflict", summary="Where a change does not merge", description="Asks git about the target as it is now.")
def show(narrows: NarrowsDep, change_id: Number, before: Before = None) -> ConflictAnswer:
    return ConflictAnswer.of(conflicts.of_change(narrows, change_id, before=before))


@router.post(
    "/rebase",
    status_code=201,
    summary="Bring a change up to date",
    description="Its next revision, by the engine, on the target as it is now. 409 `conflict` where it does not merge, "
    "`unchanged` where it is there already.",
)
def bring_up(narrows: NarrowsDep, change_id: Number, asked: Rebase) -> RevisionAnswer:
    return RevisionAnswer.model_validate(rebases.bring_up(narrows, change_id, revision=asked.revision))
