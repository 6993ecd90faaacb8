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


def amount(size: int) -> str:
    """Bytes as a person says them: "12 kB"."""
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}" if size < 10 * unit else f"{size // unit} {name}"
    return f"{size} bytes"


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
        (f"#{one['change']['id']}", f"{one['minutes']:.0f} min", line(one["title"]), _standing(one))
        for one in told["waiting"]
    ]
    waiting = f"{told['waiting_count']} waiting, about {budget['waiting_minutes']:.0f} min to read."
    numbers = f"{waiting} {told['working']} at work, {told['queued']} in the backlog."
    more = told["waiting_count"] - len(rows)
    return _paragraphs(
        [table(rows) + (f"\n… and {more} more" if rows and more > 0 else ""), numbers, budget["sentence"]]
    )


def _standing(one: dict[str, Any]) -> str:
    """Why a change stands where it does on the desk, and what it has before it."""
    outlook = one.get("outlook")
    return line(f"{one['why_here']}; {outlook['said']}" if outlook else one["why_here"])


def tasks(told: Sequence[dict[str, Any]]) -> str:
    """One line a task: number, where it stands, title, and why nothing runs."""
    if not told:
        return 'No task yet. File one: narrows add "TITLE"'
    return table(
        [(f"#{one['id']}", WHOSE.get(one["shown"], one["shown"]), line(one["title"]), line(one["why"])) for one in told]
    )


def status(told: dict[str, Any]) -> str:
    """Counts, and what keeps new work from starting."""
    budget = told["budget"]
    numbers = f"{told['waiting']} waiting, about {budget['waiting_minutes']:.0f} min to read. "
    numbers += f"{told['working']} at work, {told['queued']} in the backlog."
    held = f"{told['free']} MB free. {told['trash']} in the trash, {amount(told['trash_size'])}."
    kept = [f"A worktree stays as it is: {line(one)}" for one in told["unsaved"]]
    return "\n".join(filter(None, [told["shortage"], told["engine"], numbers, budget["sentence"], held, *kept]))


# What is in the trash, where no change is known to have left it.
NOBODYS = {"tree": "a worktree", "side": "side work", "project": "the project"}


def trash(told: Sequence[dict[str, Any]]) -> str:
    """One line a thing: number, project, what it is, why it is there, how large, until when."""
    if not told:
        return "The trash is empty."
    rows = [
        (
            str(one["id"]),
            line(one["project"]),
            f"change {one['change_id']}: {line(one['title'])}" if one["change_id"] else NOBODYS[one["kind"]],
            line(one["why"]),
            amount(one["size"]),
            f"until {one['until'][:10]}" if one["until"] else "",
        )
        for one in told
    ]
    return f"{table(rows)}\n\nHave one back: narrows trash restore NUMBER [--to FOLDER]"


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
    if outlook := told["outlook"]:
        parts.append(line(f"{outlook['sentence']}."))
    return _paragraphs(parts)


def receipt(told: dict[str, Any]) -> str:
    """What was read, what was tested, what landed, and what was verified."""
    read, tested, landed = told["read"], told["tested"], told["landed"]
    rows = [
        ("read", f"revision {read['revision']} of change {told['change']}, diff {read['diff_sha256'][:12]}"),
        ("tested", f"tree {tested['tree'][:12]}"),
        *(("", line(one if isinstance(one, str) else f"{one['command']}: {one['state']}")) for one in tested["checks"]),
        (
            "landed",
            line(f"{landed['branch']} {landed['from'][:12]} -> {landed['to'][:12]}, tree {landed['tree'][:12]}"),
        ),
    ]
    rows += [("insisted", line(tested["insisted"]))] if tested.get("insisted") else []
    if verified := told.get("verified"):
        there = verified["branch"]
        rows.append(("verified", f"{line(landed['branch'])} read back at {(there['at'] or 'nothing')[:12]}"))
    return _paragraphs([f"Landing {told['landing']}: {told['state']}", table(rows)])


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
