"""Landings: put a change on its target branch, and take it back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from server.domain.project import LandingMethod
from server.domain.states import LandingState
from server.services import checks, landings, receipts, undos, workers
from server.web.api.answers import CheckAnswer, LandingAnswer
from server.web.api.asked import Asked, Id, Limit, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(tags=["landings"])


class NewLanding(Asked):
    """Land the revision that was read."""

    revision: Id = Field(description="The revision that was read; refused when a newer one came.")
    acknowledge: list[Text] = Field(default_factory=list, description="Hashes of the warnings that are accepted.")
    insist: Text = Field(
        default="", description="Why it lands although a check is red; without a reason a red check stops it."
    )
    message: Text = Field(default="", description="The commit's message; empty: what the project's template gives.")
    method: LandingMethod | None = Field(default=None, description="How it lands; the project's method without it.")


class WithChecks(LandingAnswer):
    """A landing, and the checks of its tree."""

    checks: list[CheckAnswer]
    why: str = Field(description="Why nothing moves; empty where something does, or where it is over.")


@router.post(
    "/changes/{change_id}/landing",
    status_code=202,
    summary="Land a change",
    description="409 with `blockers` and `warnings` where something stands against it.",
)
def land(narrows: NarrowsDep, change_id: Number, asked: NewLanding) -> LandingAnswer:
    return LandingAnswer.model_validate(landings.land(narrows, change_id, **asked.model_dump()))


@router.get("/landings", summary="List landings", description="Newest first.")
def every(narrows: NarrowsDep, limit: Limit = 50) -> list[LandingAnswer]:
    return [LandingAnswer.model_validate(landing) for landing in landings.recent(narrows, limit)]


@router.get("/landings/{landing_id}", summary="One landing", description="With the checks of its tree.")
def one(narrows: NarrowsDep, landing_id: Number) -> WithChecks:
    landing = LandingAnswer.model_validate(landings.get(narrows, landing_id))
    judged = [CheckAnswer.model_validate(check) for check in checks.of_landing(narrows, landing_id)]
    waits = landing.state in (LandingState.QUEUED, LandingState.RUNNING) or landing.undo_asked
    return WithChecks(**landing.model_dump(), checks=judged, why=workers.missing(narrows) if waits else "")


@router.get(
    "/landings/{landing_id}/receipt",
    summary="A landing's receipt",
    description="What was read, what was tested, what landed, and what was verified; 404 where nothing landed.",
)
def receipt(narrows: NarrowsDep, landing_id: Number) -> dict[str, Any]:
    return receipts.of(narrows, landing_id)


@router.delete(
    "/landings/{landing_id}",
    status_code=202,
    summary="Take a landing back",
    description="One that has not moved yet is cancelled at once; one that landed is undone by the engine.",
)
def undo(narrows: NarrowsDep, landing_id: Number) -> LandingAnswer:
    return LandingAnswer.model_validate(undos.ask(narrows, landing_id))
