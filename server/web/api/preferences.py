"""How the person likes to read."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field, StrictBool

from server.domain.diff import View
from server.services import preferences
from server.web.api.answers import PreferencesAnswer
from server.web.api.asked import Asked, Text, Whole
from server.web.context import NarrowsDep

router = APIRouter(prefix="/preferences", tags=["preferences"])


class Wishes(Asked):
    """What is to be different; what is not named stays."""

    view: View | None = None
    whitespace: StrictBool | None = Field(default=None, description="Whether changes of white space are shown.")
    theme: Literal["system", "light", "dark"] | None = None
    letters: StrictBool | None = Field(default=None, description="Whether single characters do something.")
    notify: StrictBool | None = Field(default=None, description="Whether browsers say when the desk fills.")
    budget: Whole | None = Field(default=None, description="Minutes of reading that may wait; 0: no limit.")
    keys: dict[Text, list[Text]] | None = Field(default=None, description="By action: each a key, or two in a row.")


@router.get("", summary="Your preferences")
def one(narrows: NarrowsDep) -> PreferencesAnswer:
    return PreferencesAnswer.model_validate(preferences.get(narrows))


@router.put("", summary="Like it differently", description="What is not named stays as it is.")
def put(narrows: NarrowsDep, asked: Wishes) -> PreferencesAnswer:
    wishes = {name: value for name, value in asked.model_dump().items() if value is not None}
    return PreferencesAnswer.model_validate(preferences.put(narrows, **wishes))


@router.delete("", summary="Back to the defaults")
def reset(narrows: NarrowsDep) -> PreferencesAnswer:
    return PreferencesAnswer.model_validate(preferences.reset(narrows))
