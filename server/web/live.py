"""What happens, as it happens: stored events in their order, and momentary signals between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from server.bus import Signal
from server.services import events
from server.services.narrows import Narrows, signal_of

AT_ONCE = 500  # events read at a time


async def follow(narrows: Narrows, last_event_id: int | None) -> AsyncIterator[Signal]:
    """Every event after `last_event_id` (None: from now on), then each that comes, until the bus closes.

    Stored events are read from the database, the bus only says when: so none is missed, none comes twice, and a
    listener that left with an id goes on after it. Signals of the moment have no id and come as they are.
    """
    with narrows.bus.subscribe() as subscription:
        newest = await run_in_threadpool(events.last_id, narrows)
        seen = newest if last_event_id is None else min(last_event_id, newest)
        behind = seen < newest
        batch: list[Signal] = []
        while True:
            while behind and (missed := await run_in_threadpool(events.since, narrows, seen, AT_ONCE)):
                for event in missed:
                    yield signal_of(event)
                seen = missed[-1].id
            for signal in batch:
                if signal.event_id is None:
                    yield signal
            heard = await subscription.batch()
            if heard is None:
                return
            batch = heard
            behind = any(signal.event_id is not None for signal in batch)
