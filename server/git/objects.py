"""Commits made without a checkout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from server.domain.errors import GitError
from server.files import open_to_read
from server.git.commands import NOBODY, Person, printable, run
from server.git.places import Place, erase

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


def adopt(where: Place) -> None:
    """Bring what a confined agent committed into the mirror, whose objects it could only read.

    Every object is made anew from its content (`--strict`), never linked or copied: a forged one is refused. What can't
    be read is left out, and the tree as it stands is collected all the same.
    """
    objects = where.private / "objects"
    if not objects.is_dir():
        return
    borrowing = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
    head = _named_by(where.admin / "HEAD")
    with suppress(GitError):
        if head and run(where.mirror, "cat-file", "-e", head, ok=(0, 1, 128)).code:
            wanted = f"{head}\n--not\n--all\n".encode()
            pack = run(where.mirror, "pack-objects", "--revs", "--stdout", "-q", input=wanted, env=borrowing)
            run(where.mirror, "index-pack", "--stdin", "--strict", input=pack.out)
    erase(objects)


def _named_by(head: Path) -> str:
    """The commit that a detached HEAD names; empty for anything else, which an agent may have put there."""
    file = open_to_read(head)
    if file is None:
        return ""
    with file:
        said = file.read(100).decode("ascii", "replace").strip()
    return said if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", said) else ""
