"""The sandbox of macOS: sandbox-exec, which holds a program to a written profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.agents.confinement import Confinement, real

DEVICES = ("null", "zero", "tty", "dtracehelper", "stdout", "stderr", "fd")
SOCKETS = (Path("/private/var/run/docker.sock"),)


@dataclass(frozen=True, slots=True)
class SandboxExec:
    """sandbox-exec at `path`."""

    path: str

    @property
    def name(self) -> str:
        return "sandbox-exec"

    def wrap(self, argv: Sequence[str], confinement: Confinement) -> tuple[str, ...]:
        """The command line that runs `argv` confined. `confinement.shown` has no meaning here: nothing is mounted."""
        return (self.path, "-p", profile(confinement), *argv)


def profile(confinement: Confinement) -> str:
    """The rules, of which the last one that fits decides: a folder's stand before those for what is in it."""
    return "\n".join(
        [
            "(version 1)",
            "(allow default)",
            "(deny file-write*)",
            "(deny signal)",
            "(allow signal (target same-sandbox))",
            f"(allow file-write* {_each('literal', (Path('/dev', name) for name in DEVICES))})",
            *_by_depth(confinement),
            *(() if confinement.network else ("(deny network*)",)),
            "",
        ]
    )


def _by_depth(confinement: Confinement) -> Iterator[str]:
    hidden = {real(path) for path in (*confinement.hidden, *SOCKETS)}
    writable = {real(path) for path in (*confinement.writable, confinement.worktree)} - hidden
    readable = {real(path) for path in confinement.readable} - hidden - writable
    for path in sorted(hidden | writable | readable, key=lambda path: path.parts):
        place = f"(subpath {_quoted(path)})"
        if path in hidden:
            yield f"(deny file-read* file-write* network-outbound {place})"
            continue
        # A program looks at the folders above the one that it opens, hidden ones too.
        yield f"(allow file-read-metadata {_each('literal', path.parents)})"
        yield f"(allow file-read*{' file-write*' if path in writable else ''} {place})"


def _each(filter_name: str, paths: Iterable[Path]) -> str:
    return " ".join(f"({filter_name} {_quoted(path)})" for path in paths)


def _quoted(path: Path) -> str:
    """A string of the profile's language."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("\n", "\\n").replace("\r", "\\r") + '"'
