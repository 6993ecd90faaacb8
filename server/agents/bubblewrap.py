"""The sandbox of Linux: bubblewrap, which gives a program file systems, processes and a network of its own.

The command line that is made here has five programs in it. `env` lets SIGTERM pass by bubblewrap, which would else die
of it and take the agent along without its time to clean up; a second `env` behind it has the agent hear SIGTERM again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.agents.confinement import Confinement, real
from server.domain.errors import NarrowsError

FRESH = (Path("/tmp"), Path("/var/tmp"))  # empty, and the program's own
SOCKETS = (Path("/run"), Path("/var/run"))  # of daemons and agents: a read-only mount doesn't keep anybody from them
RUN_HOLES = (Path("/run/current-system"), Path("/run/opengl-driver"))  # programs and libraries of NixOS
NAMES = (Path("/etc/resolv.conf"), Path("/etc/hosts"))  # often links to below /run
MOST_ENTRIES = 400  # of a folder that is shown entry by entry; each costs a mount
ISOLATION = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-drop", "ALL", "--die-with-parent"),
)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """bubblewrap at `path`, with the `env` of GNU coreutils."""

    path: str
    env: str = "env"

    @property
    def name(self) -> str:
        return "bubblewrap"

    def wrap(self, argv: Sequence[str], confinement: Confinement) -> tuple[str, ...]:
        """The command line that runs `argv` confined, in the worktree; looks at folders as they are now.

        An exit code is passed on, and 128 plus the signal if one ended the program.

        Raises:
            NarrowsError: a place in a hidden folder is a link, so that somebody else decides where it leads.
        """
        return (
            *(self.env, "--ignore-signal=TERM", self.path, *ISOLATION),
            *(() if confinement.network else ("--unshare-net",)),
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *_View(confinement).mounts(),
            *("--chdir", str(real(confinement.worktree)), "--"),
            # A shell, as `env` would take a program with an equals sign in its path for a variable.
            *(self.env, "--default-signal=TERM", "/bin/sh", "-c", 'exec "$0" "$@"', *argv),
        )


class _View:
    """The file system as the program sees it: which mount stands at which real path."""

    def __init__(self, confinement: Confinement) -> None:
        self._hidden = {real(path) for path in SOCKETS if path.is_dir()}
        self._fresh = {real(path) for path in FRESH if path.is_dir()} - self._hidden
        self._binds: dict[Path, tuple[str, Path]] = {}
        self._rebuilt: dict[Path, set[str]] = {}
        self._masked: set[Path] = set()
        holes = [*RUN_HOLES, *(real(path) for path in NAMES), *confinement.readable]
        for path in holes:
            self._bind("--ro-bind", path, confinement.hidden)
        for path in (*confinement.writable, confinement.worktree):
            self._bind("--bind", path, confinement.hidden)
        secrets = {end for path in confinement.hidden for end in _ends(path)}
        self._hidden |= {path for path in secrets if path.is_dir()}
        for path in secrets - self._hidden:
            self._leave_out(path)
        for shown in confinement.shown:
            kind = "--bind" if shown.writable else "--ro-bind"
            self._binds[_unlinked(shown.at, confinement.hidden)] = (kind, _unlinked(shown.source, confinement.hidden))

    def mounts(self) -> Iterator[str]:
        """Options of bubblewrap, those for a folder before those for what is in it."""
        closed = self._hidden | set(self._rebuilt)
        binds = {path: bind for path, bind in self._binds.items() if path not in closed}
        for path in sorted({*closed, *self._fresh, *binds, *self._masked}, key=lambda path: path.parts):
            if path in self._hidden or path in self._fresh:
                yield from ("--tmpfs", str(path))
            elif path in self._rebuilt:
                yield from _entry_by_entry(path, self._rebuilt[path])
            elif path in self._masked:
                yield from ("--ro-bind", "/dev/null", str(path))
            else:
                kind, source = binds[path]
                yield from (kind, str(source), str(path))
        for path in sorted(closed):
            yield from ("--remount-ro", str(path))

    def _bind(self, kind: str, path: Path, hidden: Iterable[Path]) -> None:
        place = _unlinked(path, hidden)
        if place.exists():
            self._binds[place] = (kind, place)

    def _leave_out(self, path: Path) -> None:
        """Hides what is no folder: by showing the folder above without it, so that it stays hidden when it is made or
        replaced while the program runs. A mount on a file would vanish with the file.
        """
        while not path.parent.is_dir():
            path = path.parent
        if not self._visible(path.parent):
            return
        if _few_entries(path.parent):
            self._rebuilt.setdefault(path.parent, set()).add(path.name)
        elif path.exists():
            self._masked.add(path)

    def _visible(self, folder: Path) -> bool:
        """Whether the program sees that folder: what would be shown of a hidden one, nobody has asked for."""
        for path in (folder, *folder.parents):
            if path in self._hidden or path in self._fresh:
                return False
            if path in self._binds:
                return True
        return True


def _unlinked(path: Path, hidden: Iterable[Path]) -> Path:
    """Where `path` leads. In a hidden folder no link is followed: an agent may have put it there."""
    place = real(path)
    for folder in hidden:
        for known in (folder, real(folder)):
            if path.is_relative_to(known) and place != real(folder) / path.relative_to(known):
                raise NarrowsError(
                    f"{path} is a link, or in one: the sandbox can't tell where it should lead.",
                    "Remove the link, and try again.",
                )
    return place


def _ends(path: Path) -> set[Path]:
    """The name itself and, if it is a link, what it leads to."""
    return {real(path.parent) / path.name, real(path)} if path.is_symlink() else {real(path)}


def _few_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return sum(1 for _ in entries) <= MOST_ENTRIES and folder != folder.parent
    except OSError:
        return False


def _entry_by_entry(folder: Path, without: set[str]) -> Iterator[str]:
    """A folder made anew from its files, folders and links; not from sockets, behind which others listen."""
    yield from ("--tmpfs", str(folder))
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name in without:
            continue
        if entry.is_symlink():
            yield from ("--symlink", os.readlink(entry.path), entry.path)  # noqa: PTH115 — any bytes
        elif entry.is_dir() or entry.is_file():
            yield from ("--ro-bind-try", entry.path, entry.path)
