"""The environment that an agent gets: chosen name by name, never the server's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from server.domain.errors import Invalid

KEPT = ("USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR")
NOTHING: Mapping[str, str] = {}
WITHHELD = "NARROWS_"  # the token and the database's password are among these


def environment(
    *,
    home: Path,
    path: str | None = None,
    extra: Mapping[str, str] | None = None,
    passes: Iterable[str] = (),
    defaults: Mapping[str, str] = NOTHING,
    server: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment for a program that runs in a worktree.

    Args:
        home: Its HOME.
        path: Its PATH; the server's own by default.
        extra: Names added last, such as GIT_AUTHOR_NAME, NARROWS_PROMPT or an agent's own `env`. A value `$NAME` is
            taken from the server's environment, and left out where that has no such name; `$$` begins a plain `$`.
        passes: Names of the server's environment that are passed on; `*` stands for any letters.
        defaults: What is added first, and stays where nothing else says otherwise.
        server: The server's environment; the process's own by default.

    Raises:
        Invalid: `extra` asks for something that no agent may have.
    """
    have = os.environ if server is None else server
    chosen = {name: have[name] for name in have if name in KEPT or name.startswith("LC_")}
    chosen.setdefault("LANG", "C.UTF-8")
    chosen |= {"HOME": str(home), "PATH": path or have.get("PATH", os.defpath), "TERM": "dumb"}
    chosen |= defaults
    patterns = tuple(passes)
    for name in have:
        if any(fnmatchcase(name, pattern) for pattern in patterns) and not name.startswith(WITHHELD):
            chosen[name] = have[name]
    for name, value in (extra or {}).items():
        resolved = _resolve(value, have)
        if resolved is not None:
            chosen[name] = resolved
    return chosen


def _resolve(value: str, have: Mapping[str, str]) -> str | None:
    if value.startswith("$$"):
        return value[1:]
    if not value.startswith("$"):
        return value
    if value[1:].startswith(WITHHELD):
        raise Invalid("env", f"{value[1:]} is never given to an agent.")
    return have.get(value[1:])
