"""Giving back the room of objects that nothing holds any more. What is held is proven to be there first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.git.commands import run
from server.git.inspection import common_dir
from server.git.mirrors import guard, hold, resolve

PREPARED = "refs/narrows/prepared/"  # what worktrees were made from: Narrows' own index of each names its files
# Files beside the objects that an agent may have forged, and that git would believe about what holds what.
FLAGS = (
    *("-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false", "-c", "pack.useBitmaps=false"),
    *("-c", "repack.writeBitmaps=false", "-c", "repack.updateServerInfo=false"),
)
TIMEOUT = 1800


def prune(mirror: Path, source: Path, wanted: Mapping[str, str], older: int) -> None:
    """Removes objects that no ref holds and that are older than `older` seconds.

    Args:
        source: The user's repository.
        wanted: Every ref that must be there, with the commit that it holds. One that an agent took away is put back.

    Raises:
        NarrowsError: something that is wanted is gone, or the history was cut short: nothing is removed.
    """
    guard(mirror)
    _expect_whole(mirror, source)
    _put_back(mirror, wanted)
    _hold_prepared(mirror)
    for bitmap in (mirror / "objects/pack").glob("*.bitmap"):
        bitmap.unlink()
    when = f"{older}.seconds.ago"
    kept = [f"--keep-pack={pack}" for pack in _shared(mirror)]
    run(mirror, *FLAGS, "repack", "-A", "-d", "-l", "-q", f"--unpack-unreachable={when}", *kept, timeout=TIMEOUT)
    run(mirror, *FLAGS, "prune", f"--expire={when}", timeout=TIMEOUT)


def _expect_whole(mirror: Path, source: Path) -> None:
    """A file `shallow` ends the history at the commits that it names: only where the user's own does may it."""
    cut = mirror / "shallow"
    if not cut.exists():
        return
    theirs: set[str] = set()
    with suppress(NarrowsError, OSError):
        theirs = set((common_dir(source) / "shallow").read_text().split())
    if not set(cut.read_text().split()) <= theirs:
        raise GitError(f"The history in {mirror} was cut short, so nothing is removed there.", f"Look at {cut}.")


def _put_back(mirror: Path, wanted: Mapping[str, str]) -> None:
    listed = run(mirror, "for-each-ref", "--format=%(refname) %(objectname)", "refs/narrows/").text.splitlines()
    found = dict(line.split(" ", 1) for line in listed)
    for ref, commit in wanted.items():
        if found.get(ref) == commit:
            continue
        if resolve(mirror, commit) is None:
            raise GitError(f"{ref} is gone from {mirror}, so nothing is removed there.", "Look at what changed it.")
        hold(mirror, ref, commit)


def _hold_prepared(mirror: Path) -> None:
    known = set(run(mirror, "for-each-ref", "--format=%(refname)", PREPARED).text.split())
    for file in (mirror / "narrows").glob("*/commit"):
        ref, commit = PREPARED + file.parent.name, file.read_text().strip()
        known.discard(ref)
        if resolve(mirror, commit):
            hold(mirror, ref, commit)
    for ref in known:
        run(mirror, "update-ref", "--no-deref", "-d", "--end-of-options", ref)


def _shared(mirror: Path) -> list[str]:
    """Packs that are the user's own as well, by hard links: packed anew they would take their room twice."""
    packs = (mirror / "objects/pack").glob("*.pack")
    return sorted(pack.name for pack in packs if pack.stat().st_nlink > 1)
