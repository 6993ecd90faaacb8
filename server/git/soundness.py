"""Whether objects are what their names say: git believes whatever lies in the mirror, and an agent can write there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from server.domain.errors import GitError
from server.git.commands import run
from server.git.contents import TooLarge

AT_ONCE = 32_000_000  # bytes that are held in memory, but for an object that is larger
SHA256_LENGTH = 64
TIMEOUT = 600


def is_sound(oid: str, kind: str, content: bytes) -> bool:
    """Whether the object of that id and kind (blob, tree, commit) can have this content."""
    digest = hashlib.sha256() if len(oid) == SHA256_LENGTH else hashlib.sha1(usedforsecurity=False)
    digest.update(f"{kind} {len(content)}\0".encode())
    digest.update(content)
    return digest.hexdigest() == oid


def expect(mirror: Path, names: Iterable[str], most: int) -> None:
    """Reads these objects (ids, or anything else that names one) and compares them with their ids.

    Raises:
        TooLarge: They have more than `most` bytes in all; none was read.
        GitError: One is not there, or is something else.
    """
    for portion in _portions(mirror, sorted(set(names)), most):
        out = run(mirror, "cat-file", "--batch", "--buffer", input=_lines(portion), timeout=TIMEOUT).out
        at = 0
        for _ in portion:
            end = out.index(b"\n", at)
            oid, kind, size = out[at:end].decode().split()
            at = end + 1 + int(size)
            if not is_sound(oid, kind, out[end + 1 : at]):
                raise _unsound(mirror, oid)
            at += 1


def _portions(mirror: Path, names: list[str], most: int) -> Iterator[list[str]]:
    """The objects in portions that fit into memory."""
    listed = run(mirror, "cat-file", "--batch-check", "--buffer", input=_lines(names), timeout=TIMEOUT).out
    sizes = []
    for name, line in zip(names, listed.decode().splitlines(), strict=True):
        if line.endswith(" missing"):
            raise _unsound(mirror, name)
        sizes.append(int(line.rpartition(" ")[2]))
    if sum(sizes) > most:
        raise TooLarge(
            f"The files that differ have {sum(sizes) // 1_000_000:,} MB; {most // 1_000_000} MB can be shown.",
            "Change the large ones by themselves, without an agent.",
        )
    portion: list[str] = []
    filled = 0
    for name, size in zip(names, sizes, strict=True):
        if portion and filled + size > AT_ONCE:
            yield portion
            portion, filled = [], 0
        portion.append(name)
        filled += size
    yield portion


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _unsound(mirror: Path, name: str) -> GitError:
    return GitError(
        f"The object {name[:12]} in {mirror} is not what its name says: something wrote there that should not have.",
        "Nothing in your own repository was touched. Move that folder away: it is made anew from your repository.",
    )
