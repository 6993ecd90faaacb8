"""What Narrows itself noticed in a revision, with the line where it stands."""

from __future__ import annotations

from enum import StrEnum

from sqlmodel import Field

from server.domain.base import FileName, Row, Word
from server.domain.review import Side


class FlagKind(StrEnum):
    REMOVED_TEST = "removed_test"
    SKIPPED_TEST = "skipped_test"
    LOOSENED_TEST = "loosened_test"
    WEAKENED = "weakened"  # a threshold, a rule of a linter, a step of CI: less is asked than before
    SECRET = "secret"
    DEPENDENCY = "dependency"  # what is installed with the project changes
    CI = "ci"  # what runs on other machines changes
    FAR = "far"  # nothing that the task speaks of
    MARKER = "marker"  # of a conflict, left in a file
    AGENTS = "agents"  # what agents are told, or what runs when one starts


class Flag(Row, table=True):
    """One thing to look at. `line` None: the file as a whole."""

    __tablename__ = "flags"

    revision_id: int = Field(foreign_key="revisions.id", index=True)
    kind: FlagKind = Field(sa_type=Word(FlagKind))
    path: str = Field(sa_type=FileName)
    side: Side = Field(default=Side.NEW, sa_type=Word(Side))
    line: int | None = None
    sentence: str
