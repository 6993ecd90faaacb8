"""What happened is written down, and told to whoever listens, in this process and in another."""

from __future__ import annotations

import asyncio
import threading

from server.bus import Signal
from server.services import events, tasks
from server.services.narrows import Narrows
from server.services.relay import Relay
from server.store.database import Database
from tests.services.workshop import Workshop


def test_events_say_who_did_what_and_are_told_once_written(workshop: Workshop) -> None:
    told: list[Signal] = []
    narrows = workshop.narrows

    async def listen() -> None:
        with narrows.bus.subscribe() as signals:
            await asyncio.to_thread(workshop.file, "Say it")
            told.extend(await signals.batch() or [])

    before = events.last_id(narrows)
    asyncio.run(listen())
    [event] = events.since(narrows, before)
    assert (event.actor, event.verb, event.noun, event.data) == ("you", "filed", "task", {"title": "Say it"})
    assert [(signal.topic, signal.verb, signal.event_id) for signal in told] == [("task", "filed", event.id)]
    assert told[0].data == {"title": "Say it", "project_id": workshop.project.id, "change_id": None}
    assert narrows.published(event.id)


def test_the_relay_passes_on_what_another_process_wrote_and_nothing_twice(workshop: Workshop) -> None:
    here = workshop.narrows
    there = Narrows(here.settings, Database(here.settings.database_url), built_in=here.built_in)
    relay = Relay(here)
    ready, told = threading.Event(), []

    async def listen() -> None:
        with here.bus.subscribe() as signals:
            ready.set()
            async for signal in signals:
                told.append(signal.data["title"])
                if signal.data["title"] == "There":
                    return

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    assert ready.wait(10)
    relay.start()
    workshop.file("Here")
    tasks.file(there, project_id=workshop.project.id, title="There")
    thread.join(10)
    relay.stop()
    there.database.close()
    assert told == ["Here", "There"]
