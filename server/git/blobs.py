"""The contents of many files at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from server.git.commands import NOTHING, run
from server.git.mirrors import guard
from server.git.objects import OID
from server.git.soundness import is_sound

LIMIT = 4_000_000
TIMEOUT = 600


def read(mirror: Path, oids: Iterable[str], limit: int = LIMIT, env: Mapping[str, str] = NOTHING) -> dict[str, bytes]:
    """The contents of blobs by their full ids, in two git processes however many they are.

    `env` is what git is told beyond that, such as where more objects are.

    Left out: what is larger than `limit` bytes, what the mirror has not, or has with a content that its id does not
    stand for, and ids of anything but files (a submodule's commit, the zeros that stand for no file).

    Raises:
        NotFound: there is no mirror.
    """
    guard(mirror)
    asked = sorted({oid for oid in oids if OID.fullmatch(oid)})
    small = [(oid, size) for oid, size in _sizes(mirror, asked, env) if size <= limit]
    return {oid: content for oid, content in _contents(mirror, small, env) if is_sound(oid, "blob", content)}


def sizes(mirror: Path, oids: Iterable[str]) -> dict[str, int]:
    """How many bytes each blob has, by its full id; what the mirror has not is left out.

    Raises:
        NotFound: there is no mirror.
    """
    guard(mirror)
    return dict(_sizes(mirror, sorted({oid for oid in oids if OID.fullmatch(oid)}), NOTHING))


def write(mirror: Path, content: bytes) -> str:
    """Stores a blob and gives its id; nothing refers to it."""
    return run(mirror, "hash-object", "-w", "--no-filters", "--stdin", input=content, timeout=TIMEOUT).text


def _sizes(mirror: Path, oids: list[str], env: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    if not oids:
        return
    asked = _lines(oids)
    listed = run(mirror, "cat-file", "--batch-check", "--buffer", input=asked, timeout=TIMEOUT, env=env)
    for line in listed.out.splitlines():
        oid, kind, *size = line.split()
        if kind == b"blob":
            yield oid.decode(), int(size[0])


def _contents(mirror: Path, blobs: list[tuple[str, int]], env: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    if not blobs:
        return
    asked = _lines(oid for oid, _ in blobs)
    out = run(mirror, "cat-file", "--batch", "--buffer", input=asked, timeout=TIMEOUT, env=env).out
    at = 0
    for oid, size in blobs:
        at = out.index(b"\n", at) + 1
        yield oid, out[at : at + size]
        at += size + 1


def _lines(oids: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in oids).encode()
