"""What every route asks for: the running Narrows, and what a page starts from."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from server.services import events
from server.services.narrows import Narrows


def narrows(request: HTTPConnection) -> Narrows:
    """The context that `create_app` put on the app's state."""
    return cast(Narrows, request.app.state.narrows)


NarrowsDep = Annotated[Narrows, Depends(narrows)]


def note_newest_event(request: Request, narrows: NarrowsDep) -> None:
    """Notes the newest event before anything of a page is read, so that an open page is told of each that comes after:
    what happens while it is made is told twice rather than never.
    """
    request.state.newest_event = events.last_id(narrows)


def newest_event(request: Request) -> int:
    """The newest one when the request came: all that the page of its answer surely knows of."""
    return cast(int, request.state.newest_event)
