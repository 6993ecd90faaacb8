"""The desk: the home page is the next change, whole."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from server.services import cadence, desk, forecasts, projects
from server.web import digest, rendering, sheet
from server.web.context import NarrowsDep, newest_event
from server.web.looks import Asked, AskedDep

router = APIRouter()

BEHIND = 6  # waiting changes named under the sheet


@router.get("/")
def show(request: Request, narrows: NarrowsDep, asked: AskedDep, after: int | None = None) -> Response:
    """The next change to read; without one, what happens meanwhile and what to do first.

    `after`: the change that is about to be decided, so that the one behind it can be fetched ahead.
    """
    seen = desk.desk(narrows, limit=BEHIND, after=after, foreseen=True)
    common: dict[str, Any] = {
        "nav": rendering.Nav.of(seen, newest_event(request)),
        "section": "desk",
        "unscripted": digest.unscripted(request, narrows),
    }
    if seen.next is None:
        answer = rendering.page(
            request,
            narrows,
            "desk/empty.html",
            desk=seen,
            projects=projects.every(narrows),
            drafted=cadence.waiting(narrows),
            **common,
        )
    else:
        asked = Asked(asked.look, glance=after is not None)
        built = sheet.build(narrows, seen.next.id, asked)
        answer = sheet.response(request, narrows, built, desk=seen, **common)
        if after is None:
            digest.begins(request, answer, built)
    answer.background = BackgroundTask(forecasts.ask_all, narrows)  # nobody waits for it
    return answer
