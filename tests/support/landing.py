"""A landing carried out in this process: the engine's own workflow and steps, without DBOS around them."""

from __future__ import annotations

import asyncio
import inspect

from server.domain.landing import Landing
from server.engine import lander
from server.engine.workplace import Workplace, occupy
from server.services import landings, undos
from server.services.narrows import Narrows

ME = "local"


def carry_out(narrows: Narrows) -> list[Landing]:
    """What waits in the landing lines is landed, or taken back, as the engine would; how each of them ended."""
    place = Workplace(narrows, ME)
    occupy(place)
    try:
        ended = []
        while claimed := landings.claim(narrows, ME):
            for landing in claimed:
                workflow = lander.undo if landing.undo_asked else lander.land
                asyncio.run(inspect.unwrap(workflow)(landing.id))
                ended.append(landing.id)
        return [landings.get(narrows, landing_id) for landing_id in ended]
    finally:
        occupy(None)


def take_back(narrows: Narrows, landing: Landing) -> Landing:
    """A landing undone; or it stays, and says why."""
    undos.ask(narrows, landing.id)
    [ended] = carry_out(narrows)
    return ended
