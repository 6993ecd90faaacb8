"""How much attention a revision deserves: weighed once it was looked at, and anew when more is known of it."""

from __future__ import annotations

import logging
from collections import defaultdict

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import GitError
from server.domain.event import Actor
from server.domain.flag import FlagKind
from server.domain.risk import Risk
from server.domain.states import CheckState
from server.git.churn import Churn, churn
from server.reading import risk as weights
from server.services import events
from server.services.narrows import Narrows
from server.store import queries, risk_queries

log = logging.getLogger(__name__)


def look_back(narrows: Narrows, revision: Revision) -> Churn:
    """What became of its files before, on the branch that it stands on; nothing where git can't say it in time."""
    with narrows.reading() as db:
        change, paths = queries.change(db, revision.change_id), _paths(db, revision)
    try:
        return churn(narrows.mirror(change.project_id), revision.base, paths)
    except GitError as error:
        log.warning("the past of revision %s is not known: %s", revision.id, error)
        return Churn()


def weigh(db: Session, change: Change, revision: Revision, past: Churn) -> Risk:
    """The risk of a revision as far as is known now, inside the caller's transaction. It is not stored."""
    flags: defaultdict[FlagKind, list[str]] = defaultdict(list)
    for flag in queries.flags_of_revision(db, revision.id):
        flags[flag.kind].append(flag.path)
    coverage = risk_queries.coverage(db, revision.id)
    proof = risk_queries.counterproof(db, revision.id)
    reasons = weights.weigh(
        weights.Facts(
            paths=_paths(db, revision),
            lines=revision.reading_lines,
            risky=queries.project(db, change.project_id).risky,
            flags=flags,
            commits=past.commits,
            changed=past.changed,
            reverted=past.reverted,
            covered=coverage.covered if coverage else 0,
            coverable=coverage.coverable if coverage else 0,
            unproven=proof is not None and proof.state is CheckState.PASSED,
        )
    )
    points = round(sum(each for each, _ in reasons), 2)
    return Risk(
        revision_id=revision.id, level=weights.level(points), points=points, reasons=[list(each) for each in reasons]
    )


def weigh_again(narrows: Narrows, revision: Revision) -> bool:
    """More is known of a revision: weigh it once more, as often as one likes. Whether that made a difference.

    One that was not looked at yet is weighed when it is.
    """
    if of_revision(narrows, revision.id) is None:
        return False
    past = look_back(narrows, revision)
    with narrows.transaction() as db:
        known = queries.risk(db, revision.id)
        fresh = weigh(db, queries.change(db, revision.change_id), revision, past)
        if known is None or known.reasons == fresh.reasons:
            return False
        known.level, known.points, known.reasons, known.at = fresh.level, fresh.points, fresh.reasons, fresh.at
        db.add(known)
        events.record(db, Actor.ENGINE, "weighed", revision, number=revision.number)
    return True


def of_revision(narrows: Narrows, revision_id: int) -> Risk | None:
    """None: it was not looked at yet."""
    with narrows.reading() as db:
        return queries.risk(db, revision_id)


def _paths(db: Session, revision: Revision) -> list[str]:
    """Of the files of its diff, what was renamed by both its names."""
    names = queries.file_names(db, revision.base_tree, revision.tree)
    return list(dict.fromkeys(name for pair in names for name in pair if name))
