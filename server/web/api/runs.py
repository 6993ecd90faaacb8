"""Runs: look at, listen to, stop."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from server.services import runs, transcripts
from server.web.api.answers import EntryAnswer, RunAnswer, TranscriptAnswer
from server.web.api.asked import Number
from server.web.context import NarrowsDep

router = APIRouter(prefix="/runs", tags=["runs"])
Offset = Annotated[int, Query(ge=0, le=2**40, description="In bytes, as the last answer's `next_offset`.")]


@router.get("", summary="Runs at work", description="Those that are admitted and not over, oldest first.")
def at_work(narrows: NarrowsDep) -> list[RunAnswer]:
    return [RunAnswer.model_validate(run) for run, _ in runs.at_work(narrows)]


@router.get("/{run_id}", summary="One run", description="With its prompt and the files that it touched so far.")
def one(narrows: NarrowsDep, run_id: Number) -> RunAnswer:
    answer = RunAnswer.model_validate(runs.get(narrows, run_id))
    return answer.model_copy(update={"touched": runs.touched(narrows, run_id)})


@router.get("/{run_id}/transcript", summary="What the agent said and did so far")
def transcript(narrows: NarrowsDep, run_id: Number, offset: Offset = 0) -> TranscriptAnswer:
    over = runs.get(narrows, run_id).over  # asked first: what comes after it is in the answer
    told = transcripts.tell(narrows, run_id, offset)
    return TranscriptAnswer(
        text=told.text,
        entries=[EntryAnswer.model_validate(entry) for entry in told.entries],
        next_offset=told.next_offset,
        over=over and told.next_offset == offset,
    )


@router.get(
    "/{run_id}/stream",
    summary="What was exchanged with the agent, as it was",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
def stream(narrows: NarrowsDep, run_id: Number) -> StreamingResponse:
    return StreamingResponse(transcripts.stream(narrows, run_id), media_type="text/plain; charset=utf-8")


@router.delete("/{run_id}", status_code=202, summary="Stop a run", description="What it has done is kept.")
def stop(narrows: NarrowsDep, run_id: Number) -> RunAnswer:
    return RunAnswer.model_validate(runs.stop(narrows, run_id))
