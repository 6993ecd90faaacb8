"""Questions: what agents ask to be allowed, and the person's answer."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field, StrictBool

from server.services import questions
from server.web.api.answers import QuestionAnswer
from server.web.api.asked import Asked, Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/questions", tags=["questions"])


class NewAnswer(Asked):
    """Whether the agent may."""

    allowed: StrictBool
    whole_run: StrictBool = Field(default=False, description="For every wish with this kind of tool in the same run.")


@router.get("", summary="Unanswered questions", description="Oldest first. Permissions of a project say what is asked.")
def unanswered(narrows: NarrowsDep) -> list[QuestionAnswer]:
    return [QuestionAnswer.model_validate(question) for question in questions.unanswered(narrows)]


@router.get("/{question_id}", summary="One question")
def one(narrows: NarrowsDep, question_id: Number) -> QuestionAnswer:
    return QuestionAnswer.model_validate(questions.get(narrows, question_id))


@router.post(
    "/{question_id}/answer",
    summary="Answer a question",
    description="The run goes on; where it has ended, another starts in the same conversation.",
)
def answer(narrows: NarrowsDep, question_id: Number, asked: NewAnswer) -> QuestionAnswer:
    answered = questions.answer(narrows, question_id, allowed=asked.allowed, whole_run=asked.whole_run)
    return QuestionAnswer.model_validate(answered)
