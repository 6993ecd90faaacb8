"""Changes: the sheet of one, and the logs of its checks and counterproofs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.background import BackgroundTask

from server.domain.check import Check
from server.services import checks, counterproofs, forecasts, revisions
from server.services.narrows import Narrows
from server.web import digest, rendering, sheet
from server.web.context import NarrowsDep
from server.web.looks import AskedDep

router = APIRouter()


@router.get("/changes/{change_id}")
def show(request: Request, narrows: NarrowsDep, change_id: int, asked: AskedDep) -> Response:
    """The sheet of a change."""
    built = sheet.build(narrows, change_id, asked)
    answer = sheet.response(request, narrows, built)
    digest.begins(request, answer, built)
    answer.background = BackgroundTask(forecasts.ask, narrows, built.seen.project.id)  # nobody waits for it
    return answer


@router.post("/checks/{check_id}/again")
def check_again(request: Request, narrows: NarrowsDep, check_id: int) -> Response:
    """Have a red check forgotten, and run again."""
    return rendering.go(request, _home(narrows, checks.ask_again(narrows, check_id)))


def _home(narrows: Narrows, check: Check) -> str:
    """The page that shows a check."""
    if check.revision_id is None:
        return f"/landings?done=recheck-{check.id}"
    return f"/changes/{revisions.whole(narrows, check.revision_id)[0].change_id}?done=recheck-{check.id}"


@router.get("/counterproofs/{number}/log")
def show_counterproof_log(request: Request, narrows: NarrowsDep, number: int) -> Response:
    """The whole log of a counterproof, as text."""
    text = counterproofs.log(narrows, number)
    if rendering.partial(request):
        return rendering.fragment(request, "changes/_log.html", text=text)
    return PlainTextResponse(text)


@router.get("/checks/{check_id}/log")
def show_log(request: Request, narrows: NarrowsDep, check_id: int) -> Response:
    """A check's whole log, as text."""
    text = checks.log(narrows, check_id)
    if rendering.partial(request):
        return rendering.fragment(request, "changes/_log.html", text=text)
    return PlainTextResponse(text)
