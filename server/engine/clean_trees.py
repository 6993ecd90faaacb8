"""Clean worktrees of a project, which belong to no change: in them alone its checks are run.

A verdict is then about the files of a commit and nothing else. Whatever an agent has in its own worktree beside them,
and whatever an earlier check or setup left in this one, is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.domain.project import Project
from server.engine import preparation
from server.engine.lines import done_before
from server.engine.workplace import Workplace
from server.git import trees, worktrees
from server.services import checkouts, cleaning, room
from server.services.narrows import Narrows

OURS = re.compile(r"(clean-)?\d+(\..*)?|\.DS_Store")  # beside a worktree: others, and files that are named after them


@contextlib.asynccontextmanager
async def clean_tree(
    place: Workplace, project: Project, commit: str, stop: asyncio.Event | None = None
) -> AsyncIterator[Path]:
    """A worktree with the files of a commit, those that the include patterns bring from the user's own checkout, and
    what the project's setup makes of them; nothing else. It is the first that is free.

    Raises:
        NarrowsError: It can't be made, or programs in it would find what is nobody's in the folders above it.
        SetupFailed: The setup failed.
        Stopped: `stop` was set.
    """
    narrows = place.narrows
    async with _prepared(place, project, commit) as tree:
        await asyncio.to_thread(worktrees.bring, Path(project.path), tree, project.include)
        folder = narrows.settings.logs / "setup" / f"{project.id}-{tree.name}"
        env = await asyncio.to_thread(preparation.check_environment, project, tree, folder)
        await preparation.set_up(project, tree, folder, env, stop)
        yield tree


@contextlib.asynccontextmanager
async def _prepared(place: Workplace, project: Project, commit: str) -> AsyncIterator[Path]:
    """The first that is free and can be made ready; one that can't, for what a check left there, is passed over."""
    folder = place.narrows.settings.worktrees / str(project.id)
    made = False
    while not made:
        tree, lock = _free(place, folder)
        async with lock:
            made = await asyncio.to_thread(_prepare, place.narrows, project, tree, commit)
            if made:
                yield tree


def _prepare(narrows: Narrows, project: Project, tree: Path, commit: str) -> bool:
    """Whether it was made ready; one where something can't be removed stays as it is, for a person to look at.

    Raises:
        NarrowsError: It can't be made, and that is not for what stood there.
    """
    tree.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _expect_ours(tree)
    used = tree.exists()
    try:
        worktrees.prepare(narrows.mirror(project.id), tree, commit)
    except GitError as error:
        if not used or room.full(error):
            raise
        checkouts.leave(tree, error)
        return False
    return True


def _free(place: Workplace, folder: Path) -> tuple[Path, asyncio.Lock]:
    for number in itertools.count(1):
        tree = folder / f"clean-{number}"
        lock = place.trees.setdefault(str(tree), asyncio.Lock())
        if not lock.locked() and not checkouts.unsaved_file(tree).exists():
            return tree, lock
    raise AssertionError("numbers never end")


def _expect_ours(tree: Path) -> None:
    """Fails where something lies above a worktree that is not Narrows': many programs look for their configuration and
    their modules in the folders above, too, and an agent that nothing confines can put some there.
    """
    for folder in tree.parents[:2]:
        for path in folder.iterdir():
            if not OURS.fullmatch(path.name):
                raise NarrowsError(
                    f"{path} is not Narrows' own, and programs in a worktree below may use it: no check counts there.",
                    "Move it away, then try again.",
                )


def clear_out(narrows: Narrows) -> None:
    """Remove those of projects that were removed, before anything starts. Nothing in them is anybody's work."""
    for project in cleaning.every_project(narrows):
        if project.removed_at:
            for tree in (narrows.settings.worktrees / str(project.id)).glob("clean-*"):
                if tree.is_dir():
                    cleaning.discard(narrows, project, tree)


def still_at(place: Workplace, project: Project, tree: Path, commit: str) -> Callable[[], Awaitable[bool]]:
    """Asks whether the worktree still has HEAD at that commit and every tracked file as the commit has it."""

    async def ask() -> bool:
        return await asyncio.to_thread(trees.intact, place.narrows.mirror(project.id), tree, commit)

    return ask


def judging(
    place: Workplace, project: Project, tree: str, stop: asyncio.Event | None = None
) -> contextlib.AbstractAsyncContextManager[None]:
    """Held while the project's checks run on a tree: who waits for it finds their verdict there, and needs no second
    run.

    Raises:
        Stopped: `stop` was set before that.
    """
    return held(place.trees.setdefault(f"{project.id} {tree}", asyncio.Lock()), stop)


@contextlib.asynccontextmanager
async def held(lock: asyncio.Lock | asyncio.Semaphore, stop: asyncio.Event | None = None) -> AsyncIterator[None]:
    """The lock, held from when it is free.

    Raises:
        Stopped: `stop` was set before that.
    """
    acquiring = asyncio.ensure_future(lock.acquire())
    try:
        await done_before(stop, acquiring)
        yield
    finally:
        if not acquiring.cancel():
            lock.release()
