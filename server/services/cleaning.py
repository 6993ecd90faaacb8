"""Worktrees that no change has any more: what stands there is put away, and those over the number needed go.

It fails closed: a worktree that can't be proven saved stays as it is, and the trash's page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.domain.change import Change
from server.domain.errors import NarrowsError, Unavailable
from server.domain.project import Project
from server.domain.states import words
from server.git import worktrees
from server.services import checkouts
from server.services.narrows import Narrows
from server.store import queries, trash_queries


@dataclass(frozen=True)
class Unsaved:
    """A worktree that stays as it is, and why, with the next step; whose work stands there, where that is known."""

    tree: Path
    why: str
    change: Change | None


def every_project(narrows: Narrows) -> list[Project]:
    """All that have a mirror, removed ones too."""
    with narrows.reading() as db:
        return trash_queries.every_project(db)


def tidy(narrows: Narrows, project: Project, given_back: set[int] | None = None) -> None:
    """Put away what stands in the project's free worktrees, and remove those that nobody will need.

    Args:
        given_back: The changes that just gave theirs back; None: look at all that were not looked at yet.
    """
    if given_back is None:
        _try_again(narrows, project)
    for tree in _free(narrows, project):
        if given_back is None:
            wanted = not checkouts.looked_at_file(tree).exists()
        else:
            change = checkouts.owner(narrows, tree)
            wanted = change is not None and change.id in given_back
        if wanted:
            _clean(narrows, project, tree, remove=False)
    for tree in _surplus(narrows, project):
        _clean(narrows, project, tree, remove=True)


def try_again(narrows: Narrows) -> list[Unsaved]:
    """Have another look at the worktrees that could not be saved, as a person may have seen to them; which still can't.

    One that can goes, so that the next of its number is a new folder.
    """
    for project in every_project(narrows):
        _try_again(narrows, project)
    return unsaved(narrows)


def _try_again(narrows: Narrows, project: Project) -> None:
    for file in sorted((narrows.settings.worktrees / str(project.id)).glob("*.unsaved")):
        tree = file.with_suffix("")
        if tree.name.isdecimal():
            _clean(narrows, project, tree, remove=True)
        else:  # a clean one: checks alone wrote there
            discard(narrows, project, tree)


def discard(narrows: Narrows, project: Project, tree: Path) -> None:
    """Remove a worktree in which nothing is anybody's work; one that can't be removed stays as it is, and is named."""
    try:
        worktrees.discard(narrows.mirror(project.id), tree)
        checkouts.forget(tree)
    except NarrowsError as error:
        checkouts.leave(tree, error)


def _free(narrows: Narrows, project: Project) -> list[Path]:
    """Worktrees that no change has and anybody may get, in the order of their numbers."""
    folder = narrows.settings.worktrees / str(project.id)
    numbers = {int(tree.name) for tree in folder.glob("*") if tree.name.isdecimal() and tree.is_dir()}
    numbers -= checkouts.unsaved(narrows, project.id)
    with narrows.reading() as db:
        numbers -= queries.taken_slots(db, project.id)
    return [narrows.tree(project.id, number) for number in sorted(numbers)]


def _surplus(narrows: Narrows, project: Project) -> list[Path]:
    """Free worktrees over the number of agents that may work at once: those with the highest numbers."""
    with narrows.reading() as db:
        taken = len(queries.taken_slots(db, project.id))
    wanted = 0 if project.removed_at else max(0, project.agents_limit - taken)
    return _free(narrows, project)[wanted:]


def _is_free(narrows: Narrows, project: Project, tree: Path) -> bool:
    """Asked once the tree is held: whoever gets it from now on waits until it is let go."""
    with narrows.reading() as db:
        return int(tree.name) not in queries.taken_slots(db, project.id)


def _clean(narrows: Narrows, project: Project, tree: Path, *, remove: bool) -> None:
    """Put away what stands in a free worktree, and perhaps remove it then."""
    try:
        with checkouts.alone(tree, wait=False):
            if not _is_free(narrows, project, tree):
                return
            checkouts.put_away(narrows, project, tree, _why(narrows, tree), nobodys=remove)
            checkouts.unsaved_file(tree).unlink(missing_ok=True)
            if remove:
                worktrees.remove(narrows.mirror(project.id), tree, exclude=project.include)
                checkouts.forget(tree)
            else:
                checkouts.looked_at_file(tree).touch()
    except Unavailable:
        return  # it is being used again, and whoever does puts away what is there
    except (NarrowsError, OSError) as error:
        checkouts.leave(tree, error)


def _why(narrows: Narrows, tree: Path) -> str:
    change = checkouts.owner(narrows, tree)
    return f"left in the worktree of a change that is {words(change.state)}" if change else "left in a worktree"


def unsaved(narrows: Narrows) -> list[Unsaved]:
    """Worktrees that can't be saved, and so are not touched."""
    found = sorted(narrows.settings.worktrees.glob("*/*.unsaved"))
    return [_unsaved(narrows, file.with_suffix(""), file.read_text("utf-8", "replace")) for file in found]


def _unsaved(narrows: Narrows, tree: Path, why: str) -> Unsaved:
    return Unsaved(tree, why, checkouts.owner(narrows, tree))
