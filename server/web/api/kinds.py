"""What is shown above the diff for some kinds of task; of any change it can be asked for."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.domain.diff import Comparison
from server.domain.review import Side
from server.services import changes, comparisons, patterns, revisions, shapes
from server.services.narrows import Narrows
from server.web.api.answers import Answer, FileName
from server.web.api.asked import Number
from server.web.api.revisions import Since
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}", tags=["revisions"])


class SpotAnswer(Answer):
    path: FileName
    side: Side
    line: int
    code: str


class LineAnswer(Answer):
    text: str


class PatternAnswer(Answer):
    """An edit as it is in the first of its places."""

    gone: list[LineAnswer]
    came: list[LineAnswer]
    left_out: int = Field(description="Lines of it that are not among those.")
    places: int
    files: int
    spots: list[SpotAnswer] = Field(description="The first of its places.")
    excepted: int = Field(description="How many edits say the same words, and are others.")
    exceptions: list[SpotAnswer] = Field(description="The first of them.")


class PatternsAnswer(Answer):
    patterns: list[PatternAnswer]
    others: int = Field(description="How many other edits there are in the same files.")
    beside: list[SpotAnswer] = Field(description="The first of them.")
    complete: bool


class NameAnswer(Answer):
    name: str
    path: FileName
    side: Side
    line: int
    text: str


class NamesAnswer(Answer):
    gone: list[NameAnswer]
    new: list[NameAnswer]
    different: list[NameAnswer]


class ShapeAnswer(Answer):
    changed: int
    moved: int
    tests: list[FileName]
    names: NamesAnswer


@router.get(
    "/patterns",
    summary="Edits that repeat",
    description="Each edit that is made in three places or more, its places, and edits that nearly are the same.",
)
def repeated(narrows: NarrowsDep, change_id: Number, number: Number, since: Since = None) -> PatternsAnswer:
    return PatternsAnswer.model_validate(patterns.find(narrows, _compared(narrows, change_id, number, since)))


@router.get(
    "/shape",
    summary="What became of lines, tests and public names",
    description="How many changed lines only moved, which tests changed, which names are gone, new, or declared anew.",
)
def shape(narrows: NarrowsDep, change_id: Number, number: Number, since: Since = None) -> ShapeAnswer:
    return ShapeAnswer.model_validate(shapes.find(narrows, _compared(narrows, change_id, number, since)))


def _compared(narrows: Narrows, change_id: int, number: int, since: int | None) -> Comparison:
    found = revisions.get(narrows, change_id, number)
    return comparisons.of(narrows, changes.get(narrows, change_id), found, since)
