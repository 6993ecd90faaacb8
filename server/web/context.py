"""What every route asks for: the running Narrows."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from server.services.narrows import Narrows


def narrows(request: HTTPConnection) -> Narrows:
    """The context that `create_app` put on the app's state."""
    return cast(Narrows, request.app.state.narrows)


NarrowsDep = Annotated[Narrows, Depends(narrows)]
