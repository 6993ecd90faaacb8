"""Checks: the log of one."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from server.services import checks
from server.web.api.answers import CheckAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/checks", tags=["checks"])


@router.post(
    "/{check_id}/again",
    status_code=202,
    summary="Run a red check again",
    description="A revision's runs at once; a landing's is forgotten, and runs when the change is to land again.",
)
def again(narrows: NarrowsDep, check_id: Number) -> CheckAnswer:
    return CheckAnswer.model_validate(checks.ask_again(narrows, check_id))


@router.get("/{check_id}/log", summary="A check's whole log", response_class=PlainTextResponse)
def log(narrows: NarrowsDep, check_id: Number) -> PlainTextResponse:
    return PlainTextResponse(checks.log(narrows, check_id))
