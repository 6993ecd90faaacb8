"""What a person decides about a change. Each decision names the revision that was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import NarrowsError
from server.domain.project import LandingMethod
from server.services import changes, drafts, landings, reviews, runs
from server.services.narrows import Narrows
from server.web import looks, rendering, sheet
from server.web.context import NarrowsDep
from server.web.sheet import Bar

router = APIRouter()


@router.get("/changes/{change_id}/landing/new")
def ask_landing(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """The form that lands."""
    return _open(request, narrows, change_id, "land")


@router.get("/changes/{change_id}/reviews/new")
def ask_review(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """The form that sends back."""
    return _open(request, narrows, change_id, "send back")


@router.get("/changes/{change_id}/acceptance/new")
def ask_acceptance(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """The form that accepts a report: one letter opens it, another key decides."""
    return _open(request, narrows, change_id, "accept")


@router.get("/changes/{change_id}/bar")
def close(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """The bar with its forms closed; what was typed is kept."""
    return sheet.response(request, narrows, sheet.build(narrows, change_id, looks.liked(narrows)))


@router.post("/changes/{change_id}/landing")
def land(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    message: Annotated[str, Form()] = "",
    method: Annotated[LandingMethod | None, Form()] = None,
    acknowledge: Annotated[list[str] | None, Form()] = None,
    insist: Annotated[str, Form()] = "",
) -> Response:
    """Into the landing line."""
    accepted = tuple(acknowledge or ())
    try:
        landing = landings.land(
            narrows,
            change_id,
            revision=revision,
            message=_lines(message),
            method=method,
            acknowledge=list(accepted),
            insist=_lines(insist),
        )
    except NarrowsError as error:
        return _again(request, narrows, change_id, revision, Bar("land", message, accepted, error, method, insist))
    drafts.forget(narrows, sheet.draft_key(change_id, "land"))
    return rendering.go(request, f"/?done=landing-{landing.id}")


@router.post("/changes/{change_id}/reviews")
def send_back(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    message: Annotated[str, Form()] = "",
    onto_target: Annotated[bool, Form()] = False,
) -> Response:
    """Back to the agent, with the message and the drafted comments."""
    said = _lines(message)
    try:
        reviews.request_changes(narrows, change_id, revision=revision, message=said, onto_target=onto_target)
    except NarrowsError as error:
        bar = Bar("send back", message, error=error, onto_target=onto_target)
        return _again(request, narrows, change_id, revision, bar)
    drafts.forget(narrows, sheet.draft_key(change_id, "send back"))
    return rendering.go(request, f"/?done=sent-{change_id}")


@router.post("/changes/{change_id}/acceptance")
def accept(request: Request, narrows: NarrowsDep, change_id: int, revision: Annotated[int, Form()]) -> Response:
    """The report is good."""
    return _decide(
        request, narrows, change_id, "accepted", lambda: reviews.accept(narrows, change_id, revision=revision)
    )


@router.post("/changes/{change_id}/postponement")
def postpone(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Behind everything else that waits."""
    return _decide(request, narrows, change_id, "later", lambda: reviews.later(narrows, change_id))


@router.post("/changes/{change_id}/pin")
def pin(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Before everything else that waits."""
    return _decide(request, narrows, change_id, "pinned", lambda: reviews.pin(narrows, change_id))


@router.post("/changes/{change_id}/unpinning")
def unpin(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Where its points put it."""
    return _decide(request, narrows, change_id, "unpinned", lambda: reviews.unpin(narrows, change_id))


@router.post("/changes/{change_id}/abandonment")
def abandon(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Given up; it can be restored."""
    return _decide(request, narrows, change_id, "abandoned", lambda: changes.abandon(narrows, change_id))


@router.post("/changes/{change_id}/restoration")
def restore(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Back from abandoned."""
    changes.restore(narrows, change_id)
    return rendering.go(request, f"/changes/{change_id}?done=restored-{change_id}")


@router.post("/changes/{change_id}/retries")
def retry(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Another try by the agent."""
    return _decide(request, narrows, change_id, "retried", lambda: runs.retry(narrows, change_id))


@router.post("/changes/{change_id}/keeping")
def keep(request: Request, narrows: NarrowsDep, change_id: int) -> Response:
    """Read what a run that came to nothing left."""
    reviews.keep(narrows, change_id)
    return rendering.go(request, f"/changes/{change_id}")


def _open(request: Request, narrows: Narrows, change_id: int, form: str) -> Response:
    made = sheet.build(narrows, change_id, looks.liked(narrows))
    return sheet.response(request, narrows, made, sheet.opened(narrows, change_id, form))


def _again(request: Request, narrows: Narrows, change_id: int, revision: int, bar: Bar) -> Response:
    """The sheet as it was read, with what was typed and why it was refused."""
    assert bar.error is not None
    made = sheet.build(narrows, change_id, looks.liked(narrows))
    if made.seen.revision and made.seen.revision.number != revision and revision > 0:
        made = sheet.build(narrows, change_id, looks.liked(narrows, revision))
    return sheet.response(request, narrows, made, bar, status=bar.error.status)


def _decide(request: Request, narrows: Narrows, change_id: int, deed: str, decision: Callable[[], object]) -> Response:
    try:
        decision()
    except NarrowsError as error:
        made = sheet.build(narrows, change_id, looks.liked(narrows))
        return sheet.response(request, narrows, made, Bar(error=error), status=error.status)
    return rendering.go(request, f"/?done={deed}-{change_id}")


def _lines(text: str) -> str:
    """Forms send line ends as a carriage return and a line feed."""
    return text.replace("\r\n", "\n")
