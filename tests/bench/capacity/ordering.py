"""Which change the simulated person reads next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from server.reading import desk_order
from server.reading.desk_order import Candidate

if TYPE_CHECKING:
    from tests.bench.capacity.world import World

Choose = Callable[["World"], int | None]


def first_come(world: World) -> int | None:
    """The one that waits longest."""
    return min(world.desk, key=lambda each: world.doings[each].ready, default=None)


def as_the_desk_says(world: World) -> int | None:
    """The first one in the order of the desk, by what Narrows knows of each: sizes, ages, memory, and the forecast."""
    candidates = [_candidate(world, each, minutes) for each, minutes in world.desk.items()]
    placed = desk_order.order(candidates, world.at())
    return placed[0].candidate.number if placed else None


def _candidate(world: World, number: int, minutes: float) -> Candidate:
    doing = world.doings[number]
    return Candidate(
        number,
        _moment(world, doing.ready),
        minutes,
        crosses=world.crosses(number),
        conflicts=world.conflicts(doing),
        remembered_at=None if doing.read_at is None else _moment(world, doing.read_at),
    )


def _moment(world: World, minutes: float) -> datetime:
    return world.at() + timedelta(minutes=minutes - world.env.now)
