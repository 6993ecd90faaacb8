"""The receipt of a landing: the diff that was read, the tree that was tested and the tree that landed are the same.

Before a branch moves, what is about to land is compared with what was tested; after it moved, its tree is read back
from its own repository.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from server.domain.base import now
from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import NarrowsError, NotFound
from server.domain.landing import Landing
from server.domain.project import Project
from server.git import diffs, merges, objects
from server.services import checks
from server.services.narrows import Narrows
from server.services.pull_requests import Settled
from server.services.targets import Target
from server.store import check_queries, landing_queries, queries


@dataclass(frozen=True)
class Seen:
    """What git said after the move.

    Attributes:
        as_read: Whether what landed is, line for line, what was read; else the person had acknowledged the difference.
        at: The commit that its own repository has the branch at now.
        tree: That of what landed, as that repository has it.
        there: Whether the branch has what landed, perhaps with others on top, and it is the tree that was tested.
        settled: What went along with the move, or did not.
    """

    as_read: bool
    at: str | None
    tree: str
    there: bool
    settled: Settled


def of(narrows: Narrows, landing_id: int) -> dict[str, Any]:
    """The receipt of a landing.

    Raises:
        NotFound: No such landing, or it has none.
    """
    with narrows.reading() as db:
        landing = landing_queries.one(db, landing_id)
    if landing.receipt is None:
        raise NotFound(f"Landing {landing_id} has no receipt: it is {landing.state}.")
    return {"landing": landing.id, "change": landing.change_id, "state": landing.state.value, **landing.receipt}


def holds(landing: Landing) -> bool:
    """Whether the branch had what landed when it was looked at after the move; older receipts did not look."""
    return bool((landing.receipt or {}).get("verified", {}).get("branch", {}).get("contains", True))


def verify(narrows: Narrows, landing: Landing) -> None:
    """Raises: NarrowsError: What is about to land is not the tree that was tested."""
    mirror = narrows.mirror(landing.project_id)
    if not landing.commits or landing.commits[-1] != landing.commit:
        raise NarrowsError(f"Landing {landing.id} does not end in its commit.", "Land it again, and report this.")
    if objects.tree_of(mirror, landing.commit) != landing.tree:
        raise NarrowsError(f"Landing {landing.id} is not the tree that was tested.", "Land it again, and report this.")


def look(narrows: Narrows, project: Project, landing: Landing, revision: Revision) -> Seen:
    """Ask the target's own repository what it has, now that it has moved, and have what goes along with that done."""
    assert landing.old is not None
    assert landing.commit is not None
    mirror = narrows.mirror(project.id)
    target = Target.of(narrows, project, landing)
    there, tree = target.is_at(landing.commit), target.tree(landing.commit)
    return Seen(
        as_read=_as_read(mirror, landing, revision),
        at=landing.commit if there else target.at(),
        tree=tree,
        there=(there or target.contains(landing.commit)) and tree == landing.tree,
        settled=target.settle(landing.old, landing.commit),
    )


def _as_read(mirror: Path, landing: Landing, revision: Revision) -> bool:
    if landing.as_read is not None:
        return landing.as_read
    if (landing.old, landing.tree) == (revision.base, revision.tree):
        return True
    old_tree = objects.tree_of(mirror, landing.old or "")
    return merges.scope(mirror, revision.base_tree, revision.tree, old_tree, landing.tree or "").same


def write(db: Session, project: Project, landing: Landing, revision: Revision, seen: Seen) -> dict[str, Any]:
    """The receipt, inside the transaction in which the landing becomes landed."""
    read = hashlib.sha256(diffs.patch([row.diff for row in queries.files(db, revision.base_tree, revision.tree)]))
    tested = list(_tested(db, project, landing))
    tree = check_queries.of_tree(db, project.id, landing.tree or "")
    return {
        "read": {
            "revision": revision.number,
            "commit": revision.commit,
            "base": revision.base,
            "diff_sha256": read.hexdigest(),
        },
        "tested": {
            "tree": landing.tree,
            "checks": [_line(check) for check in tested],
            "retried": sorted({each.command for each in tree if each.id in checks.second_try(tree)}),
            "red_before": sorted({each.command for each in tested if each.red and each.red_before}),
            "insisted": landing.insisted if any(each.red for each in tested) else "",
        },
        "landed": {
            "branch": landing.topic or landing.target_branch,
            "remote": landing.remote,
            "from": landing.old,
            "to": landing.commit,
            "commits": landing.commits,
            "tree": landing.tree,
            "as_read": seen.as_read,
            "method": landing.method.value,
            "at": now().isoformat(),
            "pull_request": seen.settled.pull_request,
            "note": seen.settled.note,
        },
        "verified": {
            "scope": "as read" if seen.as_read else "acknowledged",
            "checked": "HEAD and every tracked file as committed, after the checks" if tested else "no checks",
            "branch": {"at": seen.at, "contains": seen.there, "tree": seen.tree},
        },
    }


def _tested(db: Session, project: Project, landing: Landing) -> Iterator[Check]:
    known = checks.results_in(db, project.id, landing.tree or "")
    return (known[command] for command in project.checks if command in known)


def _line(check: Check) -> dict[str, Any]:
    return {
        "command": check.command,
        "check": check.id,
        "state": check.state.value,
        "seconds": check.seconds,
        "log": check.log,
        "tree": check.tree,
    }
