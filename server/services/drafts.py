"""Text being typed, kept at each pause, so that no error, reload or restart loses it."""

from __future__ import annotations

from server.domain.base import now
from server.domain.errors import Invalid
from server.domain.review import Draft
from server.services.narrows import Narrows
from server.store import queries

LONGEST = 4_000_000  # characters: more than any field takes, less than fills a disk


def keep(narrows: Narrows, key: str, text: str) -> None:
    """Keep what stands in the field `key`; an empty text forgets it."""
    if len(text) > LONGEST or len(key) > 200:
        raise Invalid("text", "This text is too long to be kept.", "Put it in a file and name the file.")
    with narrows.transaction() as db:
        draft = queries.draft(db, key)
        if not text:
            if draft:
                db.delete(draft)
        elif draft:
            draft.text, draft.updated_at = text, now()
            db.add(draft)
        else:
            db.add(Draft(key=key, text=text))


def find(narrows: Narrows, prefix: str) -> dict[str, str]:
    """Every kept text whose key starts with `prefix`, by key."""
    with narrows.reading() as db:
        return {draft.key: draft.text for draft in queries.drafts(db, prefix)}


def forget(narrows: Narrows, prefix: str) -> None:
    """What was typed there arrived."""
    with narrows.transaction() as db:
        for draft in queries.drafts(db, prefix):
            db.delete(draft)
