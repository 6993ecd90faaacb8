"""Changes: look at, abandon, restore, try again."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.domain.states import ChangeState
from server.services import changes, desk, forecasts, reviews, runs, splits
from server.web.api.answers import (
    ChangeAnswer,
    ChangeBrief,
    CheckAnswer,
    CommentAnswer,
    LandingAnswer,
    ObjectionAnswer,
    OutlookAnswer,
    QuestionAnswer,
    RevisionAnswer,
    RunAnswer,
    RunBrief,
)
from server.web.api.asked import Asked, Id, Limit, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes", tags=["changes"])


class Split(Asked):
    revision: Id = Field(description="The revision that was read; refused when a newer one came.")


@router.get("", summary="List changes", description="Newest first.")
def every(narrows: NarrowsDep, state: ChangeState | None = None, limit: Limit = 100) -> list[ChangeBrief]:
    return [ChangeBrief.model_validate(change) for change in changes.every(narrows, state=state, limit=limit)]


@router.get(
    "/{change_id}",
    summary="One change",
    description="With its revisions, checks, comments, landings, and what stands against landing it.",
)
def one(narrows: NarrowsDep, change_id: Number) -> ChangeAnswer:
    sheet = desk.sheet(narrows, change_id)
    forecasts.ask(narrows, sheet.project.id)
    return ChangeAnswer(
        **ChangeBrief.model_validate(sheet.change).model_dump(),
        title=sheet.task.title,
        kind=sheet.task.kind,
        target_branch=sheet.project.target_branch,
        revisions=[RevisionAnswer.model_validate(revision) for revision in sheet.revisions],
        runs=[RunBrief.model_validate(run) for run in sheet.runs],
        checks=[CheckAnswer.model_validate(check) for check in sheet.checks],
        comments=[CommentAnswer.model_validate(comment) for comment in sheet.comments],
        landings=[LandingAnswer.model_validate(landing) for landing in sheet.landings],
        questions=[QuestionAnswer.model_validate(question) for question in sheet.questions],
        outlook=OutlookAnswer.model_validate(sheet.outlook) if sheet.outlook else None,
        blockers=ObjectionAnswer.all(sheet.assessment.blockers),
        warnings=ObjectionAnswer.all(sheet.assessment.warnings),
    )


@router.post("/{change_id}/abandonment", summary="Abandon a change", description="It is kept, and can be restored.")
def abandon(narrows: NarrowsDep, change_id: Number) -> ChangeBrief:
    return ChangeBrief.model_validate(changes.abandon(narrows, change_id))


@router.delete("/{change_id}/abandonment", summary="Restore an abandoned change")
def restore(narrows: NarrowsDep, change_id: Number) -> ChangeBrief:
    return ChangeBrief.model_validate(changes.restore(narrows, change_id))


@router.put("/{change_id}/pin", summary="Pin a change", description="It is first, before all else that waits.")
def pin(narrows: NarrowsDep, change_id: Number) -> ChangeBrief:
    return ChangeBrief.model_validate(reviews.pin(narrows, change_id))


@router.delete("/{change_id}/pin", summary="Unpin a change", description="It stands where its points put it.")
def unpin(narrows: NarrowsDep, change_id: Number) -> ChangeBrief:
    return ChangeBrief.model_validate(reviews.unpin(narrows, change_id))


@router.post("/{change_id}/retries", status_code=202, summary="Try again", description="After a run left nothing.")
def retry(narrows: NarrowsDep, change_id: Number) -> RunAnswer:
    return RunAnswer.model_validate(runs.retry(narrows, change_id))


@router.post(
    "/{change_id}/split",
    status_code=202,
    summary="Ask its agent to split it",
    description="It keeps a part that stands by itself, and lists the rest. Once, and only of a large change.",
)
def split(narrows: NarrowsDep, change_id: Number, asked: Split) -> RunAnswer:
    return RunAnswer.model_validate(splits.ask(narrows, change_id, revision=asked.revision))


@router.post("/{change_id}/presentation", summary="Review what a run that came to nothing left behind")
def keep(narrows: NarrowsDep, change_id: Number) -> ChangeBrief:
    return ChangeBrief.model_validate(reviews.keep(narrows, change_id))
