"""Putting away what changes leave behind, and taking out of the trash what was there long enough.

Woken by what happens; the heartbeat asks once a day whether anything's time is over.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from server.bus import Signal
from server.domain.event import Actor
from server.domain.project import Project
from server.engine.workplace import Workplace
from server.services import cleaning, trash
from server.services.narrows import Narrows

DAY = 86_400.0  # seconds
_giving_back = threading.Lock()
log = logging.getLogger(__name__)


async def work(place: Workplace) -> None:
    """Clean until cancelled: first what an earlier process left, then after each change that gave its worktree back."""
    with place.narrows.bus.subscribe("project", "trash", "change") as signals:
        await _quietly(place, _begin)
        while (batch := await signals.batch()) is not None:
            if any(signal.topic == "project" and signal.verb == "removed" for signal in batch):
                await _quietly(place, _begin)
            if any((signal.topic, signal.verb) == ("trash", "removed") for signal in batch):
                _start_giving_back(place)
            if given_back := _given_back(batch):
                await _quietly(place, partial(_after, given_back=given_back))


def _given_back(batch: list[Signal]) -> dict[int, set[int]]:
    """The changes that gave their worktrees back, by project."""
    found: dict[int, set[int]] = {}
    for signal in batch:
        if (signal.topic, signal.verb) == ("change", "gave_back_worktree"):
            found.setdefault(signal.data["project_id"], set()).add(signal.id)
    return found


async def _quietly(place: Workplace, clean: Callable[[Narrows], None]) -> None:
    try:
        await asyncio.to_thread(clean, place.narrows)
    except Exception:  # the next start looks again; the engine goes on
        log.exception("cleaning failed")


def _begin(narrows: Narrows) -> None:
    for project in cleaning.every_project(narrows):
        _clean(narrows, project)


def _after(narrows: Narrows, given_back: dict[int, set[int]]) -> None:
    for project in cleaning.every_project(narrows):
        if project.id in given_back:
            _clean(narrows, project, given_back[project.id])


def _clean(narrows: Narrows, project: Project, given_back: set[int] | None = None) -> None:
    """All that is put away of a project; where one thing can't be, the others are."""
    for step in (
        partial(trash.take_in, narrows, project),
        partial(trash.gather, narrows, project),
        partial(cleaning.tidy, narrows, project, given_back),
        partial(trash.weigh, narrows, project.id),
    ):
        try:
            step()
        except Exception:  # the next start looks again
            log.exception("cleaning project %s failed", project.id)


async def keep_house(place: Workplace) -> None:
    """Once a day: what was in the trash long enough goes, and git gives the room back where nothing runs."""
    if time.monotonic() - place.cleaned_at < DAY:
        return
    place.cleaned_at = time.monotonic()
    await asyncio.to_thread(throw_away, place.narrows)
    _start_giving_back(place)


def _start_giving_back(place: Workplace) -> None:
    """In a thread that the end of the process does not wait for: of a large repository it takes minutes."""
    threading.Thread(target=give_back_room, args=(place.narrows,), name="narrows-prune", daemon=True).start()


def throw_away(narrows: Narrows) -> None:
    """What was in the trash long enough, or is too much of it."""
    for row, why in trash.overdue(narrows):
        try:
            trash.remove(narrows, row.id, actor=Actor.ENGINE, why=why)
        except Exception:
            log.exception("number %s of the trash was not removed", row.id)


def give_back_room(narrows: Narrows) -> None:
    """Have git drop what nothing holds, in the mirrors of the projects from whose trash something went lately."""
    with _giving_back:
        for project in trash.emptied(narrows):
            try:
                trash.prune(narrows, project)
            except Exception:
                log.exception("the mirror of project %s was not pruned", project.id)
