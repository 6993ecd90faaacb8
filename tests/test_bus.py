"""Signals reach whoever listens, in order, from any thread; none that is stored is ever dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from server.bus import Bus, Signal, Subscription


def stored(number: int) -> Signal:
    return Signal("run", "ended", number, event_id=number)


def momentary(number: int) -> Signal:
    return Signal("run", "heard", number)


def ids(batch: list[Signal] | None) -> list[int] | None:
    return None if batch is None else [signal.id for signal in batch]


@pytest.fixture
def bus() -> Bus:
    return Bus()


def listening(bus: Bus, act: Callable[[Subscription], Coroutine[Any, Any, None]], limit: int = 1000) -> None:
    async def run() -> None:
        with bus.subscribe(limit=limit) as signals:
            await asyncio.wait_for(act(signals), 10)

    asyncio.run(run())


def test_signals_come_in_order_and_all_at_once(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        for number in range(5):
            bus.publish(stored(number))
        assert ids(await signals.batch()) == [0, 1, 2, 3, 4]
        bus.publish(stored(5))
        assert ids(await signals.batch()) == [5]

    listening(bus, act)


def test_a_listener_to_some_topics_is_not_woken_for_others(bus: Bus) -> None:
    async def story() -> None:
        with bus.subscribe("landing") as landings, bus.subscribe("run", "landing") as both:
            bus.publish(stored(1))
            bus.publish(Signal("landing", "landed", 2, event_id=2))
            assert ids(await landings.batch()) == [2]
            assert ids(await both.batch()) == [1, 2]
            bus.publish(stored(3))
            assert await landings.batch(0.01) == []

    asyncio.run(story())


def test_a_signal_from_another_thread_wakes_the_reader(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        thread = threading.Thread(target=bus.publish, args=(stored(1),))
        asyncio.get_running_loop().call_soon(thread.start)
        assert ids(await signals.batch()) == [1]
        thread.join()

    listening(bus, act)


def test_nothing_is_lost_when_many_threads_speak_at_once(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        heard: list[int] = []
        with ThreadPoolExecutor(8) as pool:
            for number in range(400):
                pool.submit(bus.publish, stored(number))
            while len(heard) < 400:
                heard += ids(await signals.batch()) or []
        assert sorted(heard) == list(range(400))

    listening(bus, act)


def test_a_reader_waits_no_longer_than_it_wants(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        assert await signals.batch(timeout=0.01) == []

    listening(bus, act)


def test_a_slow_reader_loses_momentary_signals_and_no_other(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        for number in range(3):
            bus.publish(momentary(number))
        bus.publish(stored(10))
        bus.publish(stored(11))
        bus.publish(momentary(12))
        assert ids(await signals.batch()) == [0, 1, 10, 11]

    listening(bus, act, limit=2)


def test_every_listener_hears_everything_since_it_began(bus: Bus) -> None:
    async def act(first: Subscription) -> None:
        bus.publish(stored(1))
        with bus.subscribe() as second:
            bus.publish(stored(2))
            assert ids(await second.batch()) == [2]
        bus.publish(stored(3))
        assert ids(await first.batch()) == [1, 2, 3]

    listening(bus, act)


def test_a_closed_bus_ends_every_listener_after_what_was_said(bus: Bus) -> None:
    async def act(signals: Subscription) -> None:
        bus.publish(stored(1))
        bus.close()
        assert [signal.id async for signal in signals] == [1]
        assert await signals.batch() is None
        assert await signals.batch() is None

    listening(bus, act)


def test_who_listens_to_a_closed_bus_is_told_at_once(bus: Bus) -> None:
    bus.close()

    async def act(signals: Subscription) -> None:
        assert await signals.batch() is None

    listening(bus, act)


def test_a_listener_whose_loop_is_gone_disturbs_nobody(bus: Bus) -> None:
    left: list[Subscription] = []

    async def leave() -> None:
        left.append(bus.subscribe().__enter__())

    asyncio.run(leave())
    bus.publish(stored(1))
    bus.close()
    assert len(left) == 1
