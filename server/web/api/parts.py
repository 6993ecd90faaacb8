"""Parts: chosen files and hunks of a change, landed or kept by themselves."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from server.services import parts
from server.web.api.answers import Answer, ChangeBrief, LandingAnswer
from server.web.api.asked import Asked, Id, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(prefix="/changes/{change_id}/parts", tags=["parts"])


class NewPart(Asked):
    """What is chosen, and what becomes of it and of the rest."""

    revision: Id = Field(description="The revision that was read; refused when a newer one came.")
    chosen: dict[Text, list[int] | Literal["all"]] = Field(
        description="By path: `all`, or the hunks of the file's diff, counted from 0."
    )
    land: bool = Field(default=False, description="Land the part at once; otherwise it is on the desk.")
    rest: Literal["send_back", "keep"] = "send_back"
    message: Text = Field(default="", description="What the agent is told of the rest.")
    commit_message: Text = Field(default="", description="The landing's; empty: the task's title and what was chosen.")
    acknowledge: list[Text] = Field(default_factory=list, description="Hashes of the warnings that are accepted.")


class PartAnswer(Answer):
    part: ChangeBrief
    rest: ChangeBrief = Field(description="The change that it was split from.")
    landing: LandingAnswer | None


@router.post(
    "",
    status_code=201,
    summary="Split a part off",
    description="The part is a change of its own, and what is left the next revision of this one. 409 with `blockers` "
    "and `warnings` where something stands against landing it; then nothing is split.",
)
def split(narrows: NarrowsDep, change_id: Number, asked: NewPart) -> PartAnswer:
    chosen: dict[int | str, set[int] | None] = {
        path: None if hunks == "all" else set(hunks) for path, hunks in asked.chosen.items()
    }
    if asked.land:
        done = parts.land(
            narrows,
            change_id,
            revision=asked.revision,
            chosen=chosen,
            rest=asked.rest,
            message=asked.message,
            commit_message=asked.commit_message,
            acknowledge=asked.acknowledge,
        )
    else:
        done = parts.split(
            narrows, change_id, revision=asked.revision, chosen=chosen, rest=asked.rest, message=asked.message
        )
    return PartAnswer.model_validate(done)
