"""The process that prepares what will be read, and looks at it.

The first line of its input says where everything is; each one after that is "prepare" or "examine" and the number of a
change, and is answered by a line when that is done. It ends with its input, and may be killed at any time.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from server.domain.errors import NarrowsError
from server.services import examinations, renderings
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database

DEEDS: dict[str, Callable[[Narrows, int], object]] = {
    "prepare": renderings.prepare_change,
    "examine": examinations.examine,
}
NICER = 10  # than what a person waits for
log = logging.getLogger(__name__)


def main(orders: IO[str], answers: IO[str]) -> None:
    """Carry out orders to their end."""
    place = json.loads(orders.readline())
    database = Database(place["database"])
    narrows = Narrows(Settings(data=Path(place["data"]), database_url=place["database"]), database)
    try:
        for line in orders:
            deed, change_id = line.split()
            answers.write(_carry_out(narrows, DEEDS[deed], int(change_id)) + "\n")
            answers.flush()
    finally:
        database.close()


def _carry_out(narrows: Narrows, deed: Callable[[Narrows, int], object], change_id: int) -> str:
    try:
        deed(narrows, change_id)
    except NarrowsError as error:
        return f"failed: {error}".replace("\n", " ")
    except Exception:
        log.exception("change %s", change_id)
        return "failed"
    return "done"


if __name__ == "__main__":
    os.nice(NICER)
    main(sys.stdin, sys.stdout)
