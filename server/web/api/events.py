"""What happens, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from server.bus import Signal
from server.services import events
from server.web import live
from server.web.api.answers import EventAnswer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/events", tags=["events"])


def start(narrows: NarrowsDep, last_event_id: Annotated[str | None, Header()] = None) -> int:
    """The event to go on after. Settled before the answer begins, so that whoever has its head misses nothing."""
    known = resumed(last_event_id)
    return events.last_id(narrows) if known is None else known


@router.get(
    "",
    summary="What happens, as it happens",
    description=(
        "Server-sent events of JSON. One with an `id` is stored; after `Last-Event-ID` none is missed and none comes "
        "twice; `Last-Event-ID: 0` starts at the very first. One without is of the moment, such as a line of an agent."
    ),
    response_class=EventSourceResponse,
)
async def stream(narrows: NarrowsDep, start: Annotated[int, Depends(start)]) -> AsyncIterator[ServerSentEvent]:
    async for signal in live.follow(narrows, start):
        yield _event(signal)


def resumed(last_event_id: str | None) -> int | None:
    """The number of the last event that a listener has; None where it has none, or says something else."""
    return int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdecimal() else None


def _event(signal: Signal) -> ServerSentEvent:
    told = EventAnswer(noun=signal.topic, verb=signal.verb, id=signal.id, data=signal.data)
    number = None if signal.event_id is None else str(signal.event_id)
    return ServerSentEvent(data=told, id=number)
