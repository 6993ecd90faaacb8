"""What became of landed lines, looked up when somebody wants to know and the target has moved since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from server.bus import Signal
from server.domain.base import now
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.survival import Survival
from server.git import lifelines
from server.git.lifelines import Landed, Lifeline
from server.services import events
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import insight_queries, queries

MOST = 500  # landings of a project that are followed, the newest
LONGEST = timedelta(days=120)  # after its landing; then what was last seen stays


def ask(narrows: Narrows, project_id: int | None = None) -> None:
    """Say that somebody looks at what became of lines, of one project or of all: what is not known is looked up in the
    background.
    """
    with narrows.reading() as db:
        wanted = [project.id for project in queries.projects(db) if project_id in (None, project.id)]
    for each in wanted:
        narrows.bus.publish(Signal("survival", "asked", each))


def follow(narrows: Narrows, project_id: int) -> bool:
    """Follow the lines of a project's landings to where their targets are now. Whether that was anything new.

    Raises:
        NarrowsError: A target can't be asked, or git could not do it.
    """
    with narrows.reading() as db:
        project = queries.project(db, project_id)
        since = now() - LONGEST
        landings = [
            one for one in insight_queries.followed(db, project_id, MOST) if one.ended_at and one.ended_at > since
        ]
    by_target: defaultdict[tuple[int, str, str], list[Landing]] = defaultdict(list)
    for landing in landings:
        by_target[landing.target].append(landing)
    return bool(sum(_follow(narrows, project, some) for some in by_target.values()))


def _follow(narrows: Narrows, project: Project, landings: list[Landing]) -> bool:
    tip = Target.of(narrows, project, landings[0]).known()  # without a network: nobody clicked
    with narrows.reading() as db:
        known = insight_queries.survivals_of(db, [landing.id for landing in landings])
    if tip is None or (known and all(seen.tip == tip for seen in known.values())):  # a new landing moved it
        return False
    found = lifelines.follow(narrows.mirror(project.id), _landed(landings), tip)
    _keep(narrows, tip, found)
    return bool(found)


def _landed(landings: Iterable[Landing]) -> list[Landed]:
    return [Landed(one.id, one.old, one.commit) for one in landings if one.old and one.commit]


def _keep(narrows: Narrows, tip: str, found: dict[int, Lifeline]) -> None:
    with narrows.transaction() as db:
        known = insight_queries.survivals_of(db, list(found))
        for number, line in found.items():
            row = known.get(number) or Survival(landing_id=number, tip=tip, added=0, left=0)
            row.tip, row.added, row.left, row.reverted_by, row.at = tip, line.added, line.left, line.reverted_by, now()
            db.add(row)
        if found:
            events.record(db, Actor.ENGINE, "followed", row, landings=len(found))
