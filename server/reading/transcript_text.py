"""A transcript as plain text, in the order in which it was told; made piece by piece, so that any length will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from server.domain.transcript import Entry, EntryKind
from server.reading import terminal, usage

STEPS = {"completed": "✓", "in_progress": "▸"}
VOICES = (EntryKind.MESSAGE, EntryKind.THOUGHT)
OVER = ("completed", "failed")


def pieces(entries: Iterable[Entry], before: Entry | None = None) -> Iterator[str]:
    """The entries' texts, to be put together as they are.

    Args:
        before: The entry that was told right before the first, whose text may go on.
    """
    voice = before.kind if before and before.kind in VOICES else None
    fresh = voice is None or before is None or before.text.endswith("\n")
    known: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind in VOICES:
            if entry.kind is not voice:
                yield f"{'' if fresh else chr(10)}{'(thinking) ' if entry.kind is EntryKind.THOUGHT else ''}"
            yield entry.text
            voice, fresh = entry.kind, entry.text.endswith("\n")
        elif told := _told(entry, known):
            yield f"{'' if fresh else chr(10)}{told}\n"
            voice, fresh = None, True


def _told(entry: Entry, known: dict[str, Entry]) -> str:
    match entry.kind:
        case EntryKind.TOOL:
            return _tool(entry, known)
        case EntryKind.PLAN:
            return "\n".join(f"  {STEPS.get(state, '○')} {step}" for state, step in entry.plan)
        case EntryKind.FILE:
            return f"wrote {entry.path}"
        case EntryKind.QUESTION:
            return f"? {entry.title} ({entry.tool}): {entry.state}{'. ' if entry.text else ''}{entry.text}"
        case EntryKind.USAGE:
            return f"used {usage.words(entry.usage)}"
        case _:
            return f"! {entry.text}"


def _tool(entry: Entry, known: dict[str, Entry]) -> str:
    """A call when it is first told of and when it is over; its output with its end."""
    before = known.get(entry.id)
    if before:
        entry = replace(
            entry,
            title=entry.title or before.title,
            tool=entry.tool or before.tool,
            path=entry.path or before.path,
            state=entry.state or before.state,
        )
    known[entry.id] = replace(entry, text="")
    if before and (entry.state == before.state or entry.state not in OVER):
        return ""
    place = f" {entry.path}" if entry.path and entry.path not in entry.title else ""
    head = f"• {entry.title}{place} ({entry.tool}, {entry.state})"
    if entry.state not in OVER or not entry.text.strip():
        return head
    output = "\n".join(f"    {line}" for line in terminal.plain(entry.text).strip("\n").split("\n"))
    return f"{head}\n{output}"
