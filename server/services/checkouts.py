"""A change's worktree: whose work stands in it, what was there kept, made ready for a person, brought to a revision."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import NarrowsError, NotFound, Unavailable
from server.domain.event import Actor
from server.domain.project import Project
from server.domain.states import ChangeState
from server.domain.trash import HELD, Kept, Trash
from server.git import configuration, diffs, heads, salvage, trees, worktrees
from server.services import room, trash
from server.services.narrows import Narrows
from server.store import queries

MOST_LEFT_OUT = 50  # names
ENDED_WELL = (ChangeState.LANDED, ChangeState.ACCEPTED)  # what git ignores there is nobody's work any more
log = logging.getLogger(__name__)


def tenant_file(tree: Path) -> Path:
    """Names the change whose agent works in the worktree; there is none until the tree is set up for it."""
    return tree.with_name(f"{tree.name}.tenant")


def person_file(tree: Path) -> Path:
    """Names the change whose person works in the worktree, where it was made ready for nobody else."""
    return tree.with_name(f"{tree.name}.person")


def looked_at_file(tree: Path) -> Path:
    """There once all that stood in the worktree, after its change had given it back, was put away."""
    return tree.with_name(f"{tree.name}.looked-at")


def unsaved_file(tree: Path) -> Path:
    """Says why what stands in the worktree can't be put away, or why the worktree can't be made anew."""
    return tree.with_name(f"{tree.name}.unsaved")


def forget(tree: Path) -> None:
    """Whatever stood there is nobody's any more."""
    for file in (tenant_file, person_file, looked_at_file, unsaved_file):
        file(tree).unlink(missing_ok=True)


def tenant(tree: Path) -> int | None:
    """The change whose agent's work stands in the worktree."""
    return _named_in(tenant_file(tree))


def _named_in(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def find(narrows: Narrows, change: Change) -> Path | None:
    """The change's worktree; None where it has none, or another's work still stands there."""
    if change.slot is None:
        return None
    tree = narrows.tree(change.project_id, change.slot)
    return tree if change.id in (tenant(tree), _named_in(person_file(tree))) and tree.is_dir() else None


def ready(narrows: Narrows, change: Change, revision: Revision) -> Path:
    """The change's worktree; made ready at the revision where it has none. Its agent must not be at work.

    The project's setup is not run: for its agent's next turn the tree is made anew.

    Raises:
        GitError: It can't be made.
    """
    if tree := find(narrows, change):
        return tree
    with narrows.reading() as db:
        project = queries.project(db, change.project_id)
    why = "stood in a worktree that was used for another change"
    tree = move_in(narrows, project, change.id, revision.commit, why)
    person_file(tree).write_text(str(change.id))
    return tree


def move_in(narrows: Narrows, project: Project, change_id: int, commit: str, why: str) -> Path:
    """A clean worktree for a change at a commit, which names nobody yet; what stood there is in the trash.

    One that can't be saved or made anew stays as it is, for a person to look at, and the change gets another.

    Args:
        why: Half a sentence about what stood there.

    Raises:
        NarrowsError: It can't be made, and that is not for what stood there.
    """
    while True:
        tree = narrows.tree(project.id, _slot(narrows, change_id))
        with alone(tree):
            used = os.path.lexists(tree)
            try:
                put_away(narrows, project, tree, why)
                check_out(narrows, project, tree, commit)
                return tree
            except (NarrowsError, OSError) as error:
                if not used or room.full(error):
                    raise
                leave(tree, error)


def _slot(narrows: Narrows, change_id: int) -> int:
    """The number of the change's worktree; another one where it has none, or its own must stay as it is."""
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        if change.slot is None or change.slot in unsaved(narrows, change.project_id):
            change.slot = free_slot(narrows, db, change.project_id)
            db.add(change)
        return change.slot


def free_slot(narrows: Narrows, db: Session, project_id: int) -> int:
    """The smallest number of a worktree of the project that no change has, and where nothing is left unsaved."""
    return queries.free_slot(db, project_id, unsaved(narrows, project_id))


def leave(tree: Path, error: Exception) -> None:
    """What stands in a worktree can't be put away, or the worktree not be made anew: nobody gets it until it can."""
    log.warning("the worktree %s stays as it is: %s", tree, error)
    unsaved_file(tree).write_text(str(error))


def unsaved(narrows: Narrows, project_id: int) -> set[int]:
    """The numbers of the project's worktrees that stay as they are."""
    files = (narrows.settings.worktrees / str(project_id)).glob("*.unsaved")
    return {int(file.stem) for file in files if file.stem.isdecimal()}


@contextlib.contextmanager
def alone(tree: Path, *, wait: bool = True) -> Iterator[None]:
    """Held while a worktree changes hands, or is cleaned: across threads and processes.

    Raises:
        Unavailable: Somebody else has it, and `wait` is not set.
    """
    tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(tree.with_name(f"{tree.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Unavailable(f"The worktree {tree} is in use.", "Try again in a moment.") from None
    finally:
        os.close(descriptor)


def owner(narrows: Narrows, tree: Path) -> Change | None:
    """The change whose work stands in a worktree."""
    number = tenant(tree) or _named_in(person_file(tree))
    try:
        with narrows.reading() as db:
            return queries.change(db, number) if number else None
    except NotFound:
        return None


def put_away(narrows: Narrows, project: Project, tree: Path, why: str, *, nobodys: bool = False) -> Trash | None:
    """Keep in the trash what would be lost with a worktree, before it is used for something else; None: nothing would.

    Nobody was ever in a tree that names nobody: a crash left it half made, and nothing in it is anybody's work.

    Args:
        why: Half a sentence.
        nobodys: Keep it even where the tree names nobody.

    Raises:
        NarrowsError: It can't be read, so it must stay as it is.
    """
    if not (nobodys or tenant_file(tree).exists() or person_file(tree).exists()):
        return None
    change = owner(narrows, tree)
    mirror = narrows.mirror(project.id)
    found = salvage.take(
        mirror,
        tree,
        author=configuration.identity(Path(project.path)),
        exclude=project.include,
        ignored=change is None or change.state not in ENDED_WELL,
    )
    if found is None:
        return None
    row = Trash(
        project_id=project.id,
        change_id=change.id if change else None,
        kind=Kept.TREE,
        why=why,
        ref=f"{HELD}trees/{change.id if change else 'nobody'}-{secrets.token_hex(6)}",
        commit=found.commit,
        left_out=list(found.left_out[:MOST_LEFT_OUT]),
    )
    return trash.keep(narrows, row, {row.ignored: found.ignored} if found.ignored else {})


def check_out(narrows: Narrows, project: Project, tree: Path, commit: str) -> None:
    """A clean checkout, with the files that the person's own has and git ignores. It names nobody yet."""
    tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    forget(tree)
    worktrees.prepare(narrows.mirror(project.id), tree, commit)
    worktrees.bring(Path(project.path), tree, project.include)


def edited(narrows: Narrows, change: Change, project: Project, revision: Revision) -> list[str]:
    """Files of the change's worktree that are not as the revision has them, in git's order; none without a worktree.

    Raises:
        GitError: A file can't be read.
    """
    tree = find(narrows, change)
    if tree is None:
        return []
    mirror = narrows.mirror(project.id)
    now = trees.content(mirror, tree, exclude=project.include)
    return [entry.path for entry in diffs.summary(mirror, revision.tree, now)[0]] if now != revision.tree else []


def untaken(narrows: Narrows, change: Change, revision: Revision) -> list[str]:
    """What stands in the change's worktree and in no revision, for a page; nothing where that can't be told."""
    with narrows.reading() as db:
        project = queries.project(db, change.project_id)
    try:
        return edited(narrows, change, project, revision)
    except NarrowsError:
        return []


def follow(narrows: Narrows, change: Change, project: Project, old: Revision, new: Revision) -> None:
    """Bring the change's worktree from one revision to the next, so that a follow-up starts from it.

    What stands there beyond the old one is kept in the trash. Nothing happens where the change has no worktree; one
    that can't be brought there is made anew for the follow-up.
    """
    tree = find(narrows, change)
    if tree is None:
        return
    mirror = narrows.mirror(project.id)
    try:
        if edited(narrows, change, project, old):
            put_away(narrows, project, tree, f"stood in its worktree beside revision {old.number}")
        trees.rewind(mirror, tree, new.commit, exclude=project.include)
        if new.made_by is Actor.ENGINE:  # on another base, which its agent's git is to compare with
            heads.move(mirror, tree, new.base)
    except NarrowsError as error:
        log.warning("the worktree of change %s is not at revision %s: %s", change.id, new.number, error)
        with contextlib.suppress(FileNotFoundError):
            tenant_file(tree).rename(person_file(tree))


def catch_up(narrows: Narrows, change: Change, project: Project, made: list[Revision]) -> None:
    """Follow to the newest revision, if no agent made it and a crash left the worktree at the one before."""
    if len(made) < 2 or made[-1].made_by is Actor.AGENT or made[-1].tree == made[-2].tree:
        return
    if edited(narrows, change, project, made[-1]) and not edited(narrows, change, project, made[-2]):
        follow(narrows, change, project, made[-2], made[-1])
