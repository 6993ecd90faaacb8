"""What a reader asked to see of a change: which revision, against what, and how; by the address, else as preferred."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query

from server.domain.diff import Look, View
from server.services import preferences
from server.services.narrows import Narrows
from server.web.context import NarrowsDep

USUAL = Look()
Number = Annotated[int | None, Query(ge=0, le=2**31)]


@dataclass(frozen=True)
class Asked:
    """The wishes of an address. `since` None: as Narrows thinks best; 0: against the base.

    `path`: only files whose names have that in them. `everything`: each file whole, for a reader without JavaScript.
    `glance`: for now only as much as a first look shows; the page gets the others as soon as it is read.
    """

    look: Look = USUAL
    revision: int | None = None
    since: int | None = None
    path: str = ""
    everything: bool = False
    own: frozenset[str] = frozenset()  # what the address itself says of the look
    glance: bool = False

    def query(self, **other: object) -> str:
        """The address's query for the same with something else; empty where nothing is asked."""
        said = {
            "revision": self.revision,
            "since": self.since,
            "path": self.path or None,
            "view": self.look.view.value if "view" in self.own else None,
            "whitespace": ("on" if self.look.whitespace else "off") if "whitespace" in self.own else None,
        } | other
        text = urlencode({name: value for name, value in said.items() if value is not None})
        return f"?{text}" if text else ""

    def of(self, revision: int, since: int | None) -> Asked:
        """The same, settled on what is shown."""
        return replace(self, revision=revision, since=since or 0)


def asked(
    narrows: NarrowsDep,
    revision: Number = None,
    since: Number = None,
    view: Literal["unified", "split", ""] = "",
    whitespace: Literal["on", "off", ""] = "",
    path: Annotated[str, Query(max_length=1000)] = "",
    files: Literal["all", ""] = "",
) -> Asked:
    """The wishes of this request's address."""
    liked = preferences.look(narrows)
    look = Look(
        view=View(view) if view else liked.view,
        whitespace=whitespace == "on" if whitespace else liked.whitespace,
    )
    own = frozenset(name for name, said in (("view", view), ("whitespace", whitespace)) if said)
    return Asked(look, revision, since, path, files == "all", own)


AskedDep = Annotated[Asked, Depends(asked)]


def liked(narrows: Narrows, revision: int | None = None) -> Asked:
    """What is shown where no address asks for anything but a revision."""
    return Asked(preferences.look(narrows), revision)
