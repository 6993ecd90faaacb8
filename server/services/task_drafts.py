"""Tasks that are kept to be filed, or not: each is a new-task form of its own, filled, whose fields are drafts."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlmodel import Session

from server.domain.errors import Invalid, NotFound
from server.domain.review import Draft
from server.reading import sections, task_hints
from server.services.narrows import Narrows
from server.store import queries

KEPT = "task/kept/"
FOLLOWS = "follows"  # the field with the name of the draft whose task this one's starts after
MOST_PARTS = 20  # that one form is split into
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


def split(narrows: Narrows, fields: Mapping[str, str], *, chained: bool, name: str = "") -> list[TaskDraft]:
    """Keep a draft of each part of what is typed in a form: of its brief's list, or of what its title joins by "and".

    Each has the other fields, and what the brief says besides its list.

    Args:
        chained: Each starts after the one before it, whose task it waits for once that is filed.
        name: Of the draft that the form is of, which these take the place of; empty: of none.

    Raises:
        Invalid: There is only one part, as far as can be told.
    """
    brief = fields.get("brief", "")
    found = task_hints.parts(fields.get("title", ""), brief)
    if len(found) < 2:
        raise Invalid("brief", "There is nothing to split here.", "Write its parts as a list, one item for each task.")
    if len(found) > MOST_PARTS:
        raise Invalid("brief", f"That would be {len(found)} tasks.", f"Split off {MOST_PARTS} at most.")
    besides = task_hints.context(brief)
    wanted = [{**fields, "title": each.title, "brief": _brief(each.text, besides)} for each in found]
    if chained:
        wanted[1:] = [{**each, FOLLOWS: ""} for each in wanted[1:]]
    made = keep(narrows, wanted)
    if chained:
        with narrows.transaction() as db:
            db.add_all(Draft(key=f"{each.prefix}{FOLLOWS}", text=before.name) for before, each in pairwise(made))
    if name:
        _leave(narrows, name, after="", follows=made[-1].name)
    return [get(narrows, each.name) for each in made]


def _brief(own: str, besides: str) -> str:
    parts = [part.strip() for part in (own, besides) if part.strip()]
    return "\n\n---\n\n".join(sections.closed(part).rstrip() for part in parts)


def before(narrows: Narrows, name: str) -> TaskDraft | None:
    """The draft that the task of this one is to start after; None where it follows none, or that one is filed."""
    known = {draft.name: draft for draft in every(narrows)}
    return known.get(known[name].fields.get(FOLLOWS, "")) if name in known else None


def filed(narrows: Narrows, name: str, task_id: int) -> None:
    """It became that task: forgotten here, and those that follow it start after the task."""
    _leave(narrows, name, after=str(task_id))


def discard(narrows: Narrows, name: str) -> TaskDraft:
    """It is not wanted: forgotten, and those that follow it follow what it followed.

    Raises:
        NotFound: There is no such draft.
    """
    draft = get(narrows, name)
    _leave(narrows, name, after=draft.fields.get("after", ""), follows=draft.fields.get(FOLLOWS, ""))
    return draft


def _leave(narrows: Narrows, name: str, *, after: str, follows: str = "") -> None:
    with narrows.transaction() as db:
        for link in queries.drafts(db, KEPT):
            if link.key.endswith(f"/{FOLLOWS}") and link.text == name:
                _wait_for(db, link.key.removesuffix(FOLLOWS), after)
                if follows:
                    link.text = follows
                    db.add(link)
                else:
                    db.delete(link)
        for field in queries.drafts(db, prefix(name)):
            db.delete(field)


def _wait_for(db: Session, start: str, after: str) -> None:
    """The draft whose keys have that start waits for these tasks, too."""
    if not after:
        return
    key = f"{start}after"
    kept = queries.draft(db, key) or Draft(key=key, text="")
    kept.text = ",".join(dict.fromkeys(filter(None, [*kept.text.split(","), *after.split(",")])))
    db.add(kept)
