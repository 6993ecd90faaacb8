"""How much attention a revision deserves, and how much of it ran in the checks."""

from __future__ import annotations

from fastapi import APIRouter

from server.services import coverage, revisions, risks
from server.web.api.answers import CoverageAnswer, RiskAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/revisions/{number}", tags=["revisions"])


@router.get("/risk", summary="The risk of a revision", description="With its reasons; null until it was weighed.")
def risk(narrows: NarrowsDep, change_id: Number, number: Number) -> RiskAnswer | None:
    found = risks.of_revision(narrows, revisions.get(narrows, change_id, number).id)
    return RiskAnswer.model_validate(found) if found else None


@router.get("/coverage", summary="What of a revision ran in the checks", description="Null where they left no data.")
def covered(narrows: NarrowsDep, change_id: Number, number: Number) -> CoverageAnswer | None:
    found = coverage.of_revision(narrows, revisions.get(narrows, change_id, number).id)
    return CoverageAnswer.model_validate(found) if found else None
