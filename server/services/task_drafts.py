"""Tasks that are kept to be filed, or not: each is a new-task form of its own, filled, whose fields are drafts."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from server.domain.errors import NotFound
from server.domain.review import Draft
from server.services import drafts
from server.services.narrows import Narrows
from server.store import queries

KEPT = "task/kept/"
_KEY = re.compile(rf"{KEPT}([0-9a-f]{{16,20}})/(\w+)")


@dataclass(frozen=True)
class TaskDraft:
    """A name, and the form's fields by theirs, as they would be typed."""

    name: str
    fields: Mapping[str, str]

    @property
    def title(self) -> str:
        return self.fields.get("title", "")

    @property
    def prefix(self) -> str:
        """What the keys of its fields start with."""
        return prefix(self.name)


def prefix(name: str) -> str:
    """What the keys of a draft's fields start with."""
    return f"{KEPT}{name}/"


def keep(narrows: Narrows, wanted: Sequence[Mapping[str, str]]) -> list[TaskDraft]:
    """Keep the fields of so many tasks, all or none of them; in this order they are listed."""
    with narrows.transaction() as db:
        return keep_in(db, wanted)


def keep_in(db: Session, wanted: Sequence[Mapping[str, str]]) -> list[TaskDraft]:
    """The same, within a transaction."""
    first = time.time_ns()
    made = [TaskDraft(f"{first:016x}{place:04x}", fields) for place, fields in enumerate(wanted)]
    for draft in made:
        db.add_all(Draft(key=draft.prefix + name, text=text) for name, text in draft.fields.items() if text)
    return made


def every(narrows: Narrows) -> list[TaskDraft]:
    """Those that were neither filed nor discarded, oldest first."""
    with narrows.reading() as db:
        return found(queries.drafts(db, KEPT))


def found(kept: Sequence[Draft]) -> list[TaskDraft]:
    """What those drafts of fields are together."""
    by_name: dict[str, dict[str, str]] = {}
    for field in sorted(kept, key=lambda draft: draft.key):
        if match := _KEY.fullmatch(field.key):
            by_name.setdefault(match[1], {})[match[2]] = field.text
    return [TaskDraft(name, fields) for name, fields in by_name.items()]


def get(narrows: Narrows, name: str) -> TaskDraft:
    """Raises: NotFound."""
    for draft in every(narrows):
        if draft.name == name:
            return draft
    raise NotFound("There is no such draft.", "It was filed or discarded; the backlog shows what there is.")


def discard(narrows: Narrows, name: str) -> TaskDraft:
    """Forget it: it was filed, or is not wanted.

    Raises:
        NotFound: There is no such draft.
    """
    draft = get(narrows, name)
    drafts.forget(narrows, draft.prefix)
    return draft
