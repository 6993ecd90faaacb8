"""A real file system of a few megabytes, in a namespace of its own: no root is needed, and nothing else sees it."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path


class SmallDisk:
    """Mounted at `folder` for whoever is started by `prefix`, from `__enter__` to `__exit__`.

    Args:
        folder: Made where it is not there.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder, self.megabytes = folder, megabytes

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True, exist_ok=True)
        mount = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && echo mounted && exec cat'
        apart = ["unshare", "--user", "--map-root-user", "--mount"]
        self._keeper = subprocess.Popen(
            [*apart, "sh", "-c", mount, "sh", str(self.megabytes), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == "mounted\n", "no file system can be mounted in a namespace here"
        return self

    @property
    def prefix(self) -> list[str]:
        """Starts a command where the disk is mounted."""
        return ["nsenter", "--preserve-credentials", "--user", "--mount", f"--target={self._keeper.pid}", "--"]

    def seen(self, path: Path) -> Path:
        """A path of there, from here."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    @property
    def _filler(self) -> Path:
        return self.seen(self.folder) / "filler"

    def fill(self, leaving: int = 0) -> None:
        """Take all room but so many bytes."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 14, 1 << 12):
                with suppress(OSError):
                    while self.free() >= size:
                        file.write(b"\0" * size)
            end = file.tell()
        if leaving:
            os.truncate(self._filler, max(0, end - leaving))

    def free(self) -> int:
        """Bytes."""
        about = os.statvfs(self.seen(self.folder))
        return about.f_bavail * about.f_frsize

    def empty(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(timeout=10)
        self._keeper.stdout.close()
