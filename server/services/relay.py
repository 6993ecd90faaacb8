"""Pages in one process and the engine in another meet in the database: this reads new events there, for the bus here.

It asks twice a second, which is the price of two processes on SQLite; one process alone needs none of it.
"""

from __future__ import annotations

import logging
import threading

from server.services import events
from server.services.narrows import Narrows, signal_of

EVERY = 0.5  # seconds
log = logging.getLogger(__name__)


class Relay:
    """Publishes the events that other processes wrote, from `start` to `stop`."""

    def __init__(self, narrows: Narrows) -> None:
        self._narrows = narrows
        self._stop = threading.Event()
        self._seen = 0
        self._thread = threading.Thread(target=self._run, name="narrows-relay", daemon=True)

    def start(self) -> None:
        self._seen = events.last_id(self._narrows)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                for event in events.since(self._narrows, self._seen):
                    self._seen = event.id
                    if not self._narrows.published(event.id):
                        self._narrows.bus.publish(signal_of(event))
            except Exception:
                log.exception("events could not be read")
