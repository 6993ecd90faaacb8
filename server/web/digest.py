"""What happened while the person read: one line, once they are through.

The script of a page knows since when they read. Without it a cookie does: the newest event when the last page of
reading was sent.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from server.domain.states import Turn
from server.services import digest
from server.services.digest import Digest
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep, newest_event
from server.web.sheet import Sheet

router = APIRouter()

NUMBER = re.compile("[0-9]{1,18}")  # whoever set the cookie
Number = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get("/digest")
def show(request: Request, narrows: NarrowsDep, since: Number, besides: Number = 0) -> Response:
    """The line, and nothing where nothing happened."""
    return rendering.fragment(request, "digest/_line.html", digest=digest.since(narrows, since, besides))


def unscripted(request: Request, narrows: Narrows) -> Digest:
    """What happened since the last page of reading that this browser got; empty where it got none."""
    known = request.cookies.get(_cookie(request), "")
    return digest.since(narrows, int(known)) if NUMBER.fullmatch(known) else Digest()


def begins(request: Request, answer: Response, sheet: Sheet) -> None:
    """Note on a page's answer that reading begins with it, where the change waits for its reader."""
    if sheet.seen.change.turn is Turn.YOURS and not rendering.partial(request):
        answer.set_cookie(_cookie(request), str(newest_event(request)), path="/", httponly=True, samesite="strict")


def _cookie(request: Request) -> str:
    return f"narrows_read_{request.url.port or 80}"  # browsers share cookies between the ports of a host
