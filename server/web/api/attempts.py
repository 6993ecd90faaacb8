"""Several attempts at one task: as facts, and how two of them differ."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from server.domain.risk import RiskLevel
from server.services import attempts, comparisons
from server.services.attempts import Attempt
from server.web.api.answers import Answer, ChangeBrief, CheckAnswer, RevisionAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/tasks/{task_id}/attempts", tags=["attempts"])


class AttemptAnswer(Answer):
    change: ChangeBrief
    revision: RevisionAnswer | None = Field(description="The newest one.")
    checks: list[CheckAnswer] = Field(description="Of the newest revision.")
    risk: RiskLevel | None = Field(description="Of the newest revision, once it was looked at.")
    seconds: float = Field(description="That its agent was at work.")
    used: dict[str, Any] = Field(description="Tokens by name, cost and currency; empty: its agent tells none.")

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptAnswer:
        return cls(
            change=ChangeBrief.model_validate(attempt.change),
            revision=RevisionAnswer.model_validate(attempt.revision) if attempt.revision else None,
            checks=[CheckAnswer.model_validate(check) for check in attempt.checks],
            risk=attempt.risk.level if attempt.risk else None,
            seconds=attempt.seconds,
            used=attempt.used,
        )


@router.get("", summary="The attempts at a task", description="The first one first.")
def every(narrows: NarrowsDep, task_id: Number) -> list[AttemptAnswer]:
    return [AttemptAnswer.of(attempt) for attempt in attempts.of_task(narrows, task_id).every]


@router.get(
    "/{one}/{other}.patch",
    summary="How two attempts differ",
    description="From what change `one` does, on the base of `other`, to what change `other` does.",
    response_class=Response,
    responses={200: {"content": {"text/x-diff": {}}}},
)
def patch(narrows: NarrowsDep, task_id: Number, one: Number, other: Number) -> Response:
    _, _, _, compared = attempts.compare(narrows, task_id, one, other)
    headers = {
        "Content-Type": "text/x-diff",
        "Content-Disposition": f'attachment; filename="task-{task_id}-{one}-{other}.patch"',
    }
    return Response(comparisons.patch(narrows, compared), headers=headers)
