"""Commits made without a checkout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from server.git.commands import NOBODY, Person, printable, run

TRAILER = re.compile(r"[A-Za-z0-9-]+: \S.*")


def commit(
    mirror: Path,
    tree: str,
    parents: Sequence[str],
    message: str,
    author: Person,
    committer: Person,
    date: datetime | None = None,
    author_date: datetime | None = None,
) -> str:
    """Stores a commit of `tree` and gives its id; no ref moves.

    Args:
        date: When it is committed; now when None.
        author_date: When it was written; `date` when None.
    """
    committed = date or datetime.now().astimezone()
    people = {
        "GIT_AUTHOR_NAME": printable(author.name) or NOBODY.name,
        "GIT_AUTHOR_EMAIL": printable(author.email) or NOBODY.email,
        "GIT_AUTHOR_DATE": _stamp(author_date or committed),
        "GIT_COMMITTER_NAME": printable(committer.name) or NOBODY.name,
        "GIT_COMMITTER_EMAIL": printable(committer.email) or NOBODY.email,
        "GIT_COMMITTER_DATE": _stamp(committed),
    }
    named = [word for parent in parents for word in ("-p", parent)]
    text = message.replace("\0", "").strip("\n") + "\n"
    return run(
        mirror,
        *("commit-tree", *named, "-F", "-", "--end-of-options", tree),
        input=text.encode(errors="replace"),
        env=people,
    ).text


def tree_of(mirror: Path, name: str) -> str:
    """The id of the tree that a commit or a tree id names."""
    return run(mirror, "rev-parse", "--verify", "--end-of-options", f"{name}^{{tree}}").text


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with lines such as `Co-authored-by: …` in its last paragraph."""
    lines = [" ".join(trailer.split()) for trailer in trailers if trailer.strip()]
    if not lines:
        return message
    body = message.rstrip()
    subject, gap, last = body.rpartition("\n\n")
    joined = bool(subject and gap) and all(TRAILER.fullmatch(line) for line in last.splitlines())
    return f"{body}{chr(10) if joined else chr(10) * 2}" + "\n".join(lines) + "\n"


def _stamp(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"@{int(aware.timestamp())} {aware:%z}"
