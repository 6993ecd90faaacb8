"""Questions: the person's answer to what an agent asks to be allowed."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import NarrowsError
from server.services import questions
from server.web import rendering, sheet
from server.web.context import NarrowsDep
from server.web.sheet import Bar

router = APIRouter()


@router.get("/questions/{question_id}")
def show(request: Request, narrows: NarrowsDep, question_id: int) -> Response:
    """Where a question can be answered: on the page of its change."""
    found = questions.get(narrows, question_id)
    return rendering.go(request, f"/changes/{found.change_id}#question-{question_id}")


@router.post("/questions/{question_id}/answer")
def answer(
    request: Request, narrows: NarrowsDep, question_id: int, answer: Annotated[Literal["once", "run", "no"], Form()]
) -> Response:
    """Allow it once, allow all of its kind in its run, or refuse it."""
    found = questions.get(narrows, question_id)
    try:
        questions.answer(narrows, question_id, allowed=answer != "no", whole_run=answer == "run")
    except NarrowsError as error:
        made = sheet.build(narrows, found.change_id)
        return sheet.response(request, narrows, made, Bar(error=error), status=error.status)
    return rendering.go(request, f"/?done=answered-{question_id}")
