"""The API's answers as text for a terminal, with nothing in it that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

WHOSE = {"yours": "on the desk", "agent's": "an agent is at it", "engine's": "landing"}  # whose turn it is, as a place


def safe(text: str) -> str:
    """Text of anybody's, for a terminal: control and direction characters as escapes, lines and tabs as they are."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def line(text: str) -> str:
    """The same in one line."""
    return safe(" ".join(text.split()))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def desk(told: dict[str, Any]) -> str:
    """What waits, first to read first, and how it stands with the budget."""
    budget = told["budget"]
    rows = [
        (f"#{one['change']['id']}", f"{one['minutes']:.0f} min", line(one["title"]), line(one["why_here"]))
        for one in told["waiting"]
    ]
    waiting = f"{told['waiting_count']} waiting, about {budget['waiting_minutes']:.0f} min to read"
    paused = f"; new tasks are paused: your budget is {budget['minutes']} min" if budget["paused"] else ""
    numbers = f"{waiting}{paused}. {told['working']} at work, {told['queued']} in the backlog."
    more = told["waiting_count"] - len(rows)
    return _paragraphs([table(rows) + (f"\n… and {more} more" if rows and more > 0 else ""), numbers])


def tasks(told: Sequence[dict[str, Any]]) -> str:
    """One line a task: number, where it stands, title, and why nothing runs."""
    if not told:
        return 'No task yet. File one: narrows add "TITLE"'
    return table(
        [(f"#{one['id']}", WHOSE.get(one["shown"], one["shown"]), line(one["title"]), line(one["why"])) for one in told]
    )


def change(told: dict[str, Any]) -> str:
    """A change with what speaks for and against it."""
    head = f"#{told['id']} {line(told['title'])}\n{told['state'].replace('_', ' ')}"
    head += f": {line(told['note'])}" if told["note"] else ""
    parts = [head]
    if told["revisions"]:
        newest = told["revisions"][-1]
        files = "1 file" if newest["files"] == 1 else f"{newest['files']} files"
        size = f"{files}, +{newest['additions']} -{newest['deletions']}"
        parts.append(f"Revision {newest['number']}: {size}, about {newest['minutes']:.0f} min to read")
        parts += [_quoted(newest["report"] or newest["summary"])]
    parts.append(table([(one["state"], one["command"], _seconds(one["seconds"])) for one in _lines(told["checks"])]))
    parts += [_question(one) for one in told["questions"]]
    parts += [_comment(one) for one in told["comments"]]
    parts.append("\n".join(f"Blocker: {one}" for one in objections(told["blockers"])))
    parts.append("\n".join(f"Warning: {one}" for one in objections(told["warnings"])))
    if told["forecast"]["merges"] is not None:
        parts.append(line(told["forecast"]["message"]))
    return _paragraphs(parts)


def objections(told: Iterable[dict[str, Any]]) -> list[str]:
    """Each as a sentence with its hint and the hash that acknowledges it."""
    return [f"{line(one['message'])} {line(one['hint'])}".strip() + f" [{one['hash']}]" for one in told]


def doctor(told: dict[str, Any]) -> str:
    """Names and values, then the agents, then what to do about those that are missing or too old."""
    rows = [(name, line(str(value))) for name, value in told.items() if name != "agents"]
    found = [one for one in told.get("agents", []) if one["path"]]
    agents = [
        (
            line(one["name"]),
            one["state"].replace("_", " ") + ("" if one["proven"] or one["state"] == "unproven" else ", unproven"),
            line(one["version"] or ""),
            line(one["driven"]),
            line(one["login"]),
            line(one["path"]),
        )
        for one in found
    ]
    steps = [f"{line(one['problem'])} {line(one['step'])}".strip() for one in told.get("agents", []) if one["problem"]]
    return _paragraphs([table(rows), table(agents), "\n".join(steps)])


def _lines(checks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**check, "command": line(check["command"])} for check in checks]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _question(told: dict[str, Any]) -> str:
    how = f"answer with: narrows answer {told['id']} --allow, or --refuse"
    return f"Its agent asks ({how}): {line(told['tool'])}\n{_quoted(told['detail'] or told['title'])}"


def _comment(told: dict[str, Any]) -> str:
    place = line(told["path"] or "the change") + (f":{told['line']}" if told["line"] else "")
    return f"{place} ({told['state']}, revision {told['revision']})\n{_quoted(told['body'])}"


def _quoted(text: str) -> str:
    return "\n".join(f"  {one}" for one in safe(text).splitlines())


def _paragraphs(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)
