"""Text as it is typed, kept at each pause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from server.services import drafts
from server.web.context import NarrowsDep

router = APIRouter()


@router.put("/drafts/{key:path}")
def keep(narrows: NarrowsDep, key: str, text: Annotated[str, Form()] = "") -> Response:
    """Keep what stands in a field; an empty text forgets it."""
    drafts.keep(narrows, key, text)
    return Response(status_code=204)
