"""Checks: the log of one."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from server.services import checks
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/checks", tags=["checks"])


@router.get("/{check_id}/log", summary="A check's whole log", response_class=PlainTextResponse)
def log(narrows: NarrowsDep, check_id: Number) -> PlainTextResponse:
    return PlainTextResponse(checks.log(narrows, check_id))
