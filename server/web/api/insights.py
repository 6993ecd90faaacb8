"""Figures about how the work goes, and the facts that they are made from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from server.services import exports, insights
from server.services.insights import Scope
from server.services.trends import Finding
from server.web.api.answers import Answer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/insights", tags=["insights"])


def _scope(days: Literal["7", "30", "90", "all"] = "30", project: Annotated[int | None, Query(ge=1)] = None) -> Scope:
    return Scope(days, project)


ScopeDep = Annotated[Scope, Depends(_scope)]


class ColumnAnswer(Answer):
    name: str
    unit: str


class FigureAnswer(Answer):
    name: str
    title: str
    definition: str
    said: str = Field(description="The main figure as a sentence; empty where nothing is there to say.")
    unit: str
    scarce: bool = Field(description="Whether any of it is made from fewer than 5.")
    columns: list[ColumnAnswer]
    rows: list[list[str | int | float | None]]


class ChangeFactsAnswer(Answer):
    """A change that was decided on. Hours are by the clock on the wall."""

    change: int
    task: int
    title: str
    project_id: int
    project: str
    agent: str
    kind: str
    state: str
    began_at: datetime
    decided_at: datetime | None
    landed_at: datetime | None
    landing: int | None
    undone_at: datetime | None
    reverted_by: str = Field(description="The commit on the target that says so; empty: none does.")
    revisions: int
    rounds: int = Field(description="How often you sent it back.")
    edited: bool = Field(description="Whether you changed it by hand.")
    additions: int
    deletions: int
    lines_to_read: int
    expected_minutes: float
    read_minutes: float
    waited_for_you_hours: float
    waited_for_agent_hours: float
    worked_hours: float
    cost: float | None
    currency: str
    tokens: int
    lines_landed: int | None = Field(description="Null: they were not followed yet.")
    lines_left: int | None
    followed_at: datetime | None


class TrendAnswer(Answer):
    name: str
    title: str
    definition: str
    unit: str
    first: float | None
    last: float | None
    n_first: int
    n_last: int
    low: float | None = Field(description="Last minus first is over this with 95 in 100.")
    high: float | None = Field(description="Last minus first is below this with 95 in 100.")
    finding: Finding
    needs: str


class FasterAnswer(Answer):
    sentence: str
    because: str
    trends: list[TrendAnswer]
    first: tuple[date, date] | None
    last: tuple[date, date] | None
    unknown: list[str] = Field(description="What these data can't know.")


@router.get("", summary="All figures", description="With their definitions and tables; `days` is 7, 30, 90 or all.")
def every(narrows: NarrowsDep, scope: ScopeDep) -> list[FigureAnswer]:
    return [FigureAnswer.model_validate(exports.plain_figure(figure)) for figure in insights.every(narrows, scope)]


@router.get("/changes", summary="The facts", description="One row a change that was decided on in that time.")
def changes(narrows: NarrowsDep, scope: ScopeDep) -> list[ChangeFactsAnswer]:
    return [ChangeFactsAnswer.model_validate(one) for one in insights.changes(narrows, scope)]


@router.get("/faster", summary="Faster, or only feels faster?")
def faster(narrows: NarrowsDep, project: Annotated[int | None, Query(ge=1)] = None) -> FasterAnswer:
    return FasterAnswer.model_validate(insights.faster(narrows, project))
