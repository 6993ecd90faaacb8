"""What would happen if a change landed now, or after another one: derived, and made anew whenever something moves."""

from __future__ import annotations

from enum import StrEnum

from sqlmodel import Field, UniqueConstraint

from server.domain.base import Json, Row


class Prospect(StrEnum):
    """What a waiting change has before it, from the best to the worst."""

    UNKNOWN = "unknown"  # not foreseen yet
    CLEAN = "clean"  # lands cleanly, and so do all that wait with it
    TOUCHING = "touching"  # lands cleanly, but another one changes the same function or file
    CROSSING = "crossing"  # lands cleanly now; it and another one conflict, whichever lands second
    CONFLICTS = "conflicts"  # conflicts with the target as it is

    @property
    def said(self) -> str:
        return {
            Prospect.UNKNOWN: "not known yet",
            Prospect.CLEAN: "lands cleanly",
            Prospect.TOUCHING: "touches another",
            Prospect.CROSSING: "conflicts with another",
            Prospect.CONFLICTS: "conflicts",
        }[self]


class Forecast(Row, table=True):
    """Landing revision `second` on `target`, after revision `first` has landed there (empty: right away)."""

    __tablename__ = "forecasts"
    __table_args__ = (UniqueConstraint("project_id", "target", "first", "second"),)

    project_id: int = Field(foreign_key="projects.id", index=True)
    target: str  # the commit that the target branch is at
    first: str = ""  # commit of a revision
    second: str  # commit of a revision
    conflicts: list[str] = Field(default_factory=list, sa_type=Json)  # paths; empty: it lands cleanly
    touching: list[list[str]] = Field(default_factory=list, sa_type=Json)  # what both change, although it is clean: a
    # path and the name of a function there, which is empty where they have only the file in common
