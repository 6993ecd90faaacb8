"""The forecast: which waiting changes land cleanly, and which are in each other's way."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from server.services import forecasts
from server.web.api.answers import OutlookAnswer
from server.web.api.asked import LARGEST
from server.web.context import NarrowsDep

router = APIRouter(prefix="/forecast", tags=["desk"])


@router.get(
    "",
    summary="The forecast",
    description="Of every waiting change, or of one project's. What is not known yet is being worked out.",
)
def show(narrows: NarrowsDep, project: Annotated[int | None, Query(ge=1, le=LARGEST)] = None) -> list[OutlookAnswer]:
    forecasts.ask_all(narrows)
    told = forecasts.every(narrows) if project is None else forecasts.outlooks(narrows, project)
    return [OutlookAnswer.model_validate(told[number]) for number in sorted(told)]
