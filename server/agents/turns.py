"""What the turns of all families have in common: the files around them, and words made presentable."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from server.agents.protocol import ExitLike, Turn
from server.files import open_to_read, write_anew

REPORT_LIMIT = 2 * 1024 * 1024  # bytes
LINE_LIMIT = 300  # characters
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def prepare(turn: Turn, files: Mapping[str, str] | None = None) -> dict[str, str]:
    """Writes the prompt's file and the manner's `files`, and answers the turn's environment with their names."""
    placed = {name: turn.folder / f"{name}.json" for name in files or {}}
    for name, path in placed.items():
        write_anew(path, (files or {})[name].encode())
    write_anew(turn.prompt_file, turn.prompt.encode("utf-8", "surrogateescape"))
    names = {name: str(path) for name, path in placed.items()}
    return {**turn.env, **names, "NARROWS_PROMPT": str(turn.prompt_file), "NARROWS_REPORT": str(turn.report_file)}


def read_report(turn: Turn) -> str | None:
    """The report that the agent wrote, cut at 2 MiB; None when there is none or when it is no plain file.

    A link is not followed: it could show the person, as the agent's own words, any file of theirs.
    """
    file = open_to_read(turn.report_file)
    if file is None:
        return None
    with file:
        return file.read(REPORT_LIMIT).decode("utf-8", "replace").strip() or None


def last_line(path: Path, limit: int = 8192) -> str:
    """The last line of a file that says something, read from its last `limit` bytes; empty when there is none."""
    file = open_to_read(path)
    if file is None:
        return ""
    with file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
        text = file.read().decode("utf-8", "replace")
    return next((line for line in map(one_line, reversed(text.splitlines())) if line), "")


def last_paragraph(text: str) -> str:
    """What stands below the last blank line of `text`."""
    return re.split(r"\n\s*\n", plain(text).strip())[-1].strip()


def plain(text: str) -> str:
    """`text` without terminal escapes, and without characters that change how others are shown."""
    return _UNSEEN.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """`text` on one line of at most `limit` characters."""
    line = " ".join(plain(text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def how_it_ended(end: ExitLike) -> str:
    """ "with exit code 3" or "by SIGSEGV"."""
    if end.code >= 0:
        return f"with exit code {end.code}"
    try:
        return f"by {signal.Signals(-end.code).name}"
    except ValueError:
        return f"by signal {-end.code}"
