"""What was put away and can be had back: for a month, or as long as there is room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now
from server.domain.errors import WrongState

HELD = "refs/narrows/trash/"


class Kept(StrEnum):
    CHANGE = "change"  # all revisions of an abandoned change
    TREE = "tree"  # what stood in a worktree, in no revision
    SIDE = "side"  # what an agent committed on a branch of its own, at a tag, in a stash
    PROJECT = "project"  # a removed one, with its mirror: the last of it that goes


FILES = (Kept.TREE, Kept.SIDE)  # held by a ref of their own


class Trash(Row, table=True):
    __tablename__ = "trash"

    project_id: int = Field(foreign_key="projects.id", index=True)
    change_id: int | None = Field(default=None, foreign_key="changes.id", index=True)
    kind: Kept = Field(sa_type=Word(Kept))
    why: str  # half a sentence: "abandoned", "left by a run that was stopped"
    ref: str = Field(
        unique=True
    )  # the mirror's ref that holds it; of a change, the folder of its refs; of a project, a name
    commit: str  # what that ref names; of a change, its newest revision; empty: it has none
    size: int = 0  # bytes that nothing else holds, as far as that can be told
    left_out: list[str] = Field(default_factory=list, sa_type=Json)  # ignored files that stood there and are not kept
    at: datetime = Field(default_factory=now, sa_type=Moment)
    restored_at: datetime | None = Field(default=None, sa_type=Moment)
    removed_at: datetime | None = Field(default=None, sa_type=Moment)  # for good: its time or its room was over

    @property
    def ignored(self) -> str:
        """The ref that holds the ignored files that stood in a tree, beside the others; there may be none."""
        return f"{self.ref}-ignored"

    @property
    def there(self) -> bool:
        """Whether it is held for the trash's sake: files that were restored are until their time is over, and a change
        or a project that was is not there any more.
        """
        return self.removed_at is None and (self.kind in FILES or self.restored_at is None)

    def put_again(self, commit: str) -> None:
        """The same change was abandoned, or the same project removed, once more."""
        self.commit, self.at, self.restored_at = commit, now(), None

    def come_back(self) -> None:
        """It was restored.

        Raises:
            WrongState: It was removed for good.
        """
        self.expect_there()
        self.restored_at = now()

    def remove(self) -> None:
        """For good.

        Raises:
            WrongState: It was removed already.
        """
        self.expect_there()
        self.removed_at = now()

    def expect_there(self) -> None:
        """Raises: WrongState, where it was removed for good."""
        if self.removed_at is not None:
            day = f"{self.removed_at:%Y-%m-%d}"
            raise WrongState(f"What was there was removed from the trash on {day}.", "It can't be had back.")
