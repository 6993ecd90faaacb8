"""Counterproofs: a revision's tests on the code that was there before."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from server.services import counterproofs, revisions
from server.web.api.answers import CounterproofAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(tags=["revisions"])


@router.get(
    "/changes/{change_id}/revisions/{number}/counterproof",
    summary="A revision's tests on the code before",
    description="Null where nothing is known: it has no new or changed tests, or its checks take long.",
)
def show(narrows: NarrowsDep, change_id: Number, number: Number) -> CounterproofAnswer | None:
    found = counterproofs.of_revision(narrows, revisions.get(narrows, change_id, number).id)
    return CounterproofAnswer.model_validate(found) if found else None


@router.get("/counterproofs/{number}/log", summary="A counterproof's whole log", response_class=PlainTextResponse)
def log(narrows: NarrowsDep, number: Number) -> PlainTextResponse:
    return PlainTextResponse(counterproofs.log(narrows, number))
