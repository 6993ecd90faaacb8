"""What happens, as a listener hears it: in order, nothing missed, nothing twice, over a break and to the end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from starlette.testclient import TestClient

from server.bus import Signal
from server.domain.event import Actor
from server.domain.project import Project
from server.services import events, runs
from server.services.narrows import Narrows
from server.services.tasks import file
from server.web import live
from server.web.api.events import resumed


async def take(stream: AsyncIterator[Signal], count: int) -> list[Signal]:
    return [await asyncio.wait_for(anext(stream), 10) for _ in range(count)]


def test_a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice(narrows: Narrows, project: Project) -> None:
    async def story() -> list[int | None]:
        start = events.last_id(narrows)
        heard: list[int | None] = []
        writers = [asyncio.to_thread(_file_many, narrows, project, 10) for _ in range(3)]
        writing = asyncio.gather(*writers)
        while len(heard) < 30:
            last = next((number for number in reversed(heard) if number), start)
            stream = live.follow(narrows, last)
            heard += [signal.event_id for signal in await take(stream, min(7, 30 - len(heard)))]
            await stream.aclose()  # type: ignore[attr-defined]
        await writing
        return heard

    heard = asyncio.run(story())
    assert heard == [event.id for event in events.since(narrows, 0) if event.noun == "task"]


def _file_many(narrows: Narrows, project: Project, count: int) -> None:
    for number in range(count):
        file(narrows, project_id=project.id, title=f"{threading.get_ident()} {number}")


def test_what_is_of_the_moment_comes_between_and_has_no_number(narrows: Narrows, project: Project) -> None:
    async def story() -> list[tuple[str, bool]]:
        stream = live.follow(narrows, 0)
        first = await take(stream, 1)
        runs.hear(narrows, 7, "Reading…", 3)
        await asyncio.to_thread(file, narrows, project_id=project.id, title="a")
        return [(f"{s.topic} {s.verb}", s.event_id is None) for s in first + await take(stream, 2)]

    heard = asyncio.run(story())
    assert heard[0] == ("project registered", False)
    assert sorted(heard[1:]) == [("run heard", True), ("task filed", False)]


def test_a_listener_without_a_number_hears_only_what_comes(narrows: Narrows, project: Project) -> None:
    async def story() -> Signal:
        stream = live.follow(narrows, None)
        coming = asyncio.ensure_future(take(stream, 1))
        while not narrows.bus._subscriptions:  # it listens once the generator has run up to its first wait
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task = await asyncio.to_thread(file, narrows, project_id=project.id, title="a")
        runs.hear(narrows, task.id, "one more", 1)
        return (await coming)[0]

    assert asyncio.run(story()).topic in ("task", "run")


def test_the_stream_ends_when_the_bus_closes_even_with_something_unread(narrows: Narrows, project: Project) -> None:
    async def story() -> list[str]:
        stream = live.follow(narrows, events.last_id(narrows))
        reading = asyncio.ensure_future(_all(stream))
        while not narrows.bus._subscriptions:
            await asyncio.sleep(0)
        await asyncio.to_thread(file, narrows, project_id=project.id, title="a")
        narrows.bus.close()
        return [signal.verb for signal in await asyncio.wait_for(reading, 10)]

    assert asyncio.run(story()) == ["filed"]


async def _all(stream: AsyncIterator[Signal]) -> list[Signal]:
    return [signal async for signal in stream]


def test_over_http_each_event_is_json_with_its_number(
    app: FastAPI, script: TestClient, narrows: Narrows, project: Project
) -> None:
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(script.get, "/api/events", headers={"Last-Event-ID": "0"})
        while not narrows.bus._subscriptions:
            threading.Event().wait(0.005)
        with narrows.transaction() as db:
            events.record(db, Actor.YOU, "configured", project)
        narrows.bus.close()
        answer = coming.result(10)
    assert answer.headers["content-type"].startswith("text/event-stream")
    messages = [dict(line.split(": ", 1) for line in part.split("\n")) for part in answer.text.strip().split("\n\n")]
    assert [message["id"] for message in messages] == [str(event.id) for event in events.since(narrows, 0)]
    told = json.loads(messages[-1]["data"])
    assert (told["noun"], told["verb"], told["id"]) == ("project", "configured", project.id)


def test_a_number_that_is_none_starts_from_now() -> None:
    assert [resumed(given) for given in ("7", "x", "-1", "", None, "٣")] == [7, None, None, None, None, None]
