"""The desk: the change to read now, and what waits behind it."""

from __future__ import annotations

from fastapi import APIRouter

from server.services import desk, forecasts
from server.web.api.answers import DeskAnswer
from server.web.api.asked import Limit
from server.web.context import NarrowsDep

router = APIRouter(prefix="/desk", tags=["desk"])


@router.get("", summary="The desk", description="The next change, those behind it and why there, and the budget.")
def show(narrows: NarrowsDep, limit: Limit = 20) -> DeskAnswer:
    forecasts.ask_all(narrows)
    return DeskAnswer.model_validate(desk.desk(narrows, limit, foreseen=True))
