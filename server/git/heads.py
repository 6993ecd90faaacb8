"""A worktree's HEAD: moved by Narrows, and read together with what the agent was merging."""

from __future__ import annotations

import shutil
from pathlib import Path

from server.files import open_to_read, write_anew
from server.git.mirrors import guard, resolve
from server.git.objects import OID
from server.git.places import erase, place

# What git keeps of something that is under way, such as a merge: it was on another HEAD.
_UNFINISHED = (
    *("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "MERGE_AUTOSTASH", "AUTO_MERGE", "CHERRY_PICK_HEAD", "REVERT_HEAD"),
    *("REBASE_HEAD", "ORIG_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer"),
)


def move(mirror: Path, tree: Path, commit: str) -> None:
    """Detaches HEAD at `commit`, with an index of what stands in the tree; no file of the tree changes.

    Raises:
        NotFound: there is no mirror.
    """
    guard(mirror)
    where = place(mirror, tree)
    for name in _UNFINISHED:
        erase(where.admin / name)
    erase(where.agents_index)  # an agent may have put a link there
    shutil.copy2(where.index, where.agents_index)
    write_anew(where.admin / "HEAD", f"{commit}\n".encode())


def merging(mirror: Path, tree: Path) -> str | None:
    """The commit that the agent began to merge and did not commit; None where it did not, or wrote nonsense there."""
    file = open_to_read(place(mirror, tree).admin / "MERGE_HEAD")
    if file is None:
        return None
    with file:
        said = file.read(200).decode("ascii", "replace").split("\n")[0].strip()
    return resolve(mirror, said) if OID.fullmatch(said) else None
