"""The budget: minutes of reading that may wait, what waits and will come, and the pace that they are counted at."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.domain.task import Kind
from server.services import budget, rates
from server.web.api.answers import Answer, BudgetAnswer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/budget", tags=["budget"])


class PaceAnswer(Answer):
    kind: Kind
    lines_an_hour: float
    changes: int = Field(description="That it was measured on.")


class CapacityAnswer(BudgetAnswer):
    paces: list[PaceAnswer] = Field(description="How quickly you read, by kind; what was not measured is left out.")
    measured: int = Field(description="Decided changes, the newest, on which the estimates' error was measured.")
    error: float | None = Field(description="Median of |estimate - truth| / truth of how long reading them took.")


@router.get("", summary="The budget", description="It is set as one of your preferences.")
def one(narrows: NarrowsDep) -> CapacityAnswer:
    stands, paces = budget.look(narrows), rates.measured(narrows)
    return CapacityAnswer(
        **BudgetAnswer.model_validate(stands).model_dump(),
        paces=[PaceAnswer.model_validate(pace) for pace in paces.kinds],
        measured=paces.changes,
        error=paces.error,
    )
