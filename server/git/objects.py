"""Commits made without a checkout."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from server.domain.errors import GitError
from server.files import open_to_read
from server.git import signing
from server.git.commands import NOBODY, Person, printable, run
from server.git.places import Place, erase

TIMEOUT = 600
OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
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
    sign_as: Path | None = None,
) -> str:
    """Stores a commit of `tree` and gives its id; no ref moves.

    Args:
        date: When it is committed; now when None.
        author_date: When it was written; `date` when None.
        sign_as: The user's repository, whose configuration signs it; None: it is not signed.

    Raises:
        SigningFailed: It was to be signed, and was not.
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
    words, content = (*named, "-F", "-", "--end-of-options", tree), text.encode(errors="replace")
    if sign_as is not None:
        made = signing.commit_tree(sign_as, mirror, *words, input=content, env=people)
    else:
        made = run(mirror, "commit-tree", *words, input=content, env=people).text
    _remember(made, tree)
    return made


def tree_of(mirror: Path, name: str) -> str:
    """The id of the tree that a commit or a tree id names."""
    if known := _trees.get(name):
        return known
    found = tree_in(mirror, name)
    if OID.fullmatch(name):
        _remember(name, found)
    return found


_trees: dict[str, str] = {}  # by the ids of commits, which say it for ever
REMEMBERED = 10_000


def _remember(commit: str, tree: str) -> None:
    if len(_trees) >= REMEMBERED:
        _trees.clear()
    _trees[commit] = tree


def tree_in(repository: Path, name: str) -> str:
    """The same, as that repository says it now, and nobody remembers."""
    return run(repository, "rev-parse", "--verify", "--end-of-options", f"{name}^{{tree}}").text


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with lines such as `Co-authored-by: …` in its last paragraph; none is said twice."""
    body = message.rstrip()
    subject, gap, last = body.rpartition("\n\n")
    joined = bool(subject and gap) and all(TRAILER.fullmatch(line) for line in last.splitlines())
    there = {line.strip().lower() for line in last.splitlines()} if joined else set()
    lines = [" ".join(trailer.split()) for trailer in trailers if trailer.strip()]
    lines = [line for line in lines if line.lower() not in there]
    if not lines:
        return message
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
            _take_over(where.mirror, f"{head}\n--not\n--all\n".encode(), borrowing)
    erase(objects)


def _take_over(mirror: Path, wanted: bytes, borrowing: Mapping[str, str]) -> None:
    """By way of files: what an agent committed may be larger than memory."""
    with tempfile.TemporaryDirectory(prefix="adopted-", dir=mirror / "narrows") as folder:
        packed = Path(folder) / "pack"
        command = ("pack-objects", "--revs", "-q", str(packed))
        name = run(mirror, *command, input=wanted, env=borrowing, timeout=TIMEOUT).text
        run(mirror, "index-pack", "--strict", f"{packed}-{name}.pack", timeout=TIMEOUT)
        for kind in ("pack", "idx"):  # a pack without an index is none
            Path(f"{packed}-{name}.{kind}").rename(mirror / f"objects/pack/pack-{name}.{kind}")


def _named_by(head: Path) -> str:
    """The commit that a detached HEAD names; empty for anything else, which an agent may have put there."""
    file = open_to_read(head)
    if file is None:
        return ""
    with file:
        said = file.read(100).decode("ascii", "replace").strip()
    return said if OID.fullmatch(said) else ""
