""" "Something happened": wakes the engine, feeds live pages. Nothing is kept here; the database remembers.

Any thread may publish. A subscriber reads in an event loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Signal:
    """`topic` is a noun ("run", "change", …), `verb` what became of it, `id` its number.

    `event_id` is the number of the stored event behind it, None for what is only of the moment (a line of output).
    """

    topic: str
    verb: str
    id: int
    event_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Subscription:
    """Signals in the order in which they came. Over `limit` unread, momentary ones are dropped; stored ones never."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int, topics: Collection[str]) -> None:
        self._loop = loop
        self._limit = limit
        self._topics = topics
        self._signals: list[Signal] = []
        self._ready = asyncio.Event()
        self._lock = threading.Lock()
        self._closed = False

    def offer(self, signal: Signal | None) -> None:
        """Hand over a signal, from any thread; None closes. One of another topic wakes nobody."""
        if signal is not None and self._topics and signal.topic not in self._topics:
            return
        with self._lock:
            if signal is None:
                self._closed = True
            elif len(self._signals) < self._limit or signal.event_id is not None:
                self._signals.append(signal)
        with contextlib.suppress(RuntimeError):  # the reader's loop is closed: nobody is left to wake
            self._loop.call_soon_threadsafe(self._ready.set)

    async def batch(self, timeout: float | None = None) -> list[Signal] | None:
        """Wait for signals and take all that are there; empty after `timeout` seconds, None once closed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), timeout)
        with self._lock:
            self._ready.clear()
            signals, self._signals = self._signals, []
            if self._closed:
                self._ready.set()  # the next call finds nothing, and says so at once
        return None if self._closed and not signals else signals

    async def __aiter__(self) -> AsyncIterator[Signal]:
        while (signals := await self.batch()) is not None:
            for signal in signals:
                yield signal


class Bus:
    """One for the process."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._closed = False

    def publish(self, signal: Signal) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.offer(signal)

    @contextlib.contextmanager
    def subscribe(self, *topics: str, limit: int = 1000) -> Iterator[Subscription]:
        """Listen from now on, in the running event loop, to these topics; to all where none is named."""
        subscription = Subscription(asyncio.get_running_loop(), limit, topics)
        with self._lock:
            if self._closed:
                subscription.offer(None)
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription: the process stops."""
        with self._lock:
            self._closed = True
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.offer(None)
