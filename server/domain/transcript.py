"""What an agent said and did in one run, in one vocabulary for every agent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any


class EntryKind(StrEnum):
    MESSAGE = "message"  # what the agent says
    THOUGHT = "thought"  # what it thinks aloud
    PLAN = "plan"  # its list of steps, whole each time
    TOOL = "tool"  # a call of a tool; told again with the same `id` as it goes on
    FILE = "file"  # a file that it wrote
    QUESTION = "question"  # what it asked to be allowed, and the answer
    USAGE = "usage"  # tokens and cost
    NOTICE = "notice"  # what Narrows itself has to say


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript; only the fields that its kind needs are set.

    `at` is seconds since the epoch. `text` is what was said; for a tool its output, for a question the answer and why.
    `tool` is one of read, edit, delete, move, search, execute, think, fetch, other; `state` is pending, running,
    completed or failed, for a question open, allowed or refused. `plan` holds (state, step) pairs, `usage` tokens by
    name with `cost` and `currency`.
    """

    kind: EntryKind
    at: float
    text: str = ""
    id: str = ""
    title: str = ""
    tool: str = ""
    state: str = ""
    path: str = ""
    plan: tuple[tuple[str, str], ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """As a line of JSON, without what is not set."""
        values = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, line: str) -> Entry | None:
        """What `line` wrote; None for a line that is broken or of a kind that is not known."""
        try:
            values = json.loads(line)
            known = {name: value for name, value in values.items() if name in _FIELDS}
            known["kind"] = EntryKind(known["kind"])
            known["plan"] = tuple((str(state), str(step)) for state, step in known.get("plan", ()))
            return cls(**{"at": 0.0, **known})
        except (ValueError, TypeError, AttributeError, KeyError):
            return None


_FIELDS = frozenset(each.name for each in fields(Entry))


def folded(entries: Iterable[Entry]) -> list[Entry]:
    """Entries as they are read: pieces of one message joined, a tool call or a question once, as it last stood.

    It keeps the place and the time of its beginning.
    """
    found: list[Entry] = []
    places: dict[tuple[EntryKind, str], int] = {}
    for entry in entries:
        before = found[-1] if found else None
        if entry.kind in (EntryKind.MESSAGE, EntryKind.THOUGHT) and before and before.kind is entry.kind:
            found[-1] = replace(before, text=before.text + entry.text)
        elif entry.id and (place := places.get((entry.kind, entry.id))) is not None:
            found[place] = _later(found[place], entry)
        else:
            if entry.id:
                places[entry.kind, entry.id] = len(found)
            found.append(entry)
    return found


def _later(first: Entry, then: Entry) -> Entry:
    """What is known of a thing after it was told of again: what the newer telling leaves out stays."""
    said = {each.name: value for each in fields(Entry) if (value := getattr(then, each.name))}
    return replace(first, **{**said, "at": first.at})
