"""Keeps what the real agents said as samples for the golden tests: `NARROWS_RECORD=write pytest tests/real`.

Afterwards `NARROWS_GOLDEN=write pytest tests/agents/streams` tells what they mean; read both before you commit them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.real import programs
from tests.real.ways import Shop, Way

WRITE = os.environ.get("NARROWS_RECORD") == "write"  # asked early: tests run without the variables of Narrows
CACHE = programs.cache()  # asked early, too
CHECKOUT = Path(__file__).parents[2]
SAMPLES = CHECKOUT / "tests/agents/streams/samples"
BROKEN_OFF = '"method":"session/cancel"'
OFFERS = "available_commands_update"
MODEL = re.compile(r"(?:127\.0\.0\.1|localhost):\d+")


def keep(shop: Shop, way: Way, run: dict[str, Any], moment: str) -> None:
    """Makes the stream of a run a sample, where that is asked for.

    One over the Agent Client Protocol that Narrows broke off is left out: it has no end that could be played again.
    """
    if not WRITE:
        return
    stream = (shop.server.data / "runs" / str(run["id"]) / "stream.jsonl").read_text()
    acp = way.spec.family == "acp"
    if acp and BROKEN_OFF in stream:
        return
    sample = SAMPLES / ("acp" if acp else "") / f"{way}-{moment}.jsonl"
    lines = stream.splitlines(keepends=True)
    # What commands an agent offers is long, and none of a turn's words.
    talk = "".join(line for line in lines if not (acp and OFFERS in line))
    sample.write_text(masked(talk, places(shop, run)))


def masked(stream: str, known: Iterable[tuple[Path, str]]) -> str:
    """The stream without what is this machine's: `known` places, the deepest first, and the model's address."""
    for place, name in known:
        stream = stream.replace(str(place), name).replace(re.sub(r"[^A-Za-z0-9]", "-", str(place)), name)
    return MODEL.sub("{model}", stream)


def places(shop: Shop, run: dict[str, Any]) -> list[tuple[Path, str]]:
    """Where a run of the shop had its things, the deepest first, and what stands for each in a sample."""
    data = shop.server.data
    known = [
        *((tree, "{worktree}") for tree in (data / "worktrees").glob("*/*")),  # the stream names the run's own alone
        (data / "runs" / str(run["id"]), "{run}"),
        (data, "{data}"),
        (shop.home, "{home}"),
        *((folder, "{programs}") for folder in (shop.programs.node, *shop.programs.folders.values())),
        (CACHE, "{agents}"),
        (CHECKOUT, "{narrows}"),
    ]
    return sorted(known, key=lambda place: -len(place[0].parts))
