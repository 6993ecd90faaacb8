"""The process that prepares what will be read, and looks at it.

The first line of its input says where everything is; each one after that is "prepare" or "examine" and the number of a
change, or "survey" and that of a project, and is answered by a line when that is done. It ends with its input, and may
be killed at any time.
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
from server.services import cadence, examinations, renderings
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database

DEEDS: dict[str, Callable[[Narrows, int], object]] = {
    "prepare": renderings.prepare_change,
    "examine": examinations.examine,
    "survey": cadence.survey,
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
            deed, number = line.split()
            answers.write(_carry_out(narrows, deed, int(number)) + "\n")
            answers.flush()
    finally:
        database.close()


def _carry_out(narrows: Narrows, deed: str, number: int) -> str:
    try:
        DEEDS[deed](narrows, number)
    except NarrowsError as error:
        return f"failed: {error}".replace("\n", " ")
    except Exception:
        log.exception("%s %s", deed, number)
        return "failed"
    return "done"


if __name__ == "__main__":
    os.nice(NICER)
    main(sys.stdin, sys.stdout)
