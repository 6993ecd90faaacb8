"""Find a Chromium for the browser tests, or bring one: a machine without is an error, never a skip.

`python -m tests.support.browser` does so up-front and prints the path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOADS = Path(__file__).resolve().parents[2] / ".make" / "browsers"

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


class NoBrowserError(RuntimeError):
    """No Chromium is here and none could be brought."""


def flags() -> list[str]:
    """Chromium's command line for tests; its sandbox can't be set up by root."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@cache
def chromium() -> Path:
    """A Chromium that starts: from PATH, from Debian's package, or from Playwright's own download.

    Raises:
        NoBrowserError: None of the three gave one; the message says what to do.
    """
    for source in (on_path, from_debian, from_playwright):
        if found := source():
            return found
    raise NoBrowserError(
        "The browser tests need Chromium: none is on PATH, and neither apt-get (which needs root) nor "
        "`playwright install chromium` brought one. Install Chromium or Chrome and run them again."
    )


def on_path() -> Path | None:
    """The first Chromium on PATH that answers; a stub that only advises another package does not."""
    for name in NAMES:
        if (found := shutil.which(name)) and _starts(Path(found)):
            return Path(found)
    return None


def from_debian(run: Callable[..., bool] | None = None) -> Path | None:
    """Debian's package, where this process may install one."""
    run = run or _succeeds
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", env=quiet)
    run("apt-get", "install", "--yes", "--no-install-recommends", "chromium", env=quiet)
    return on_path()


def from_playwright(run: Callable[..., bool] | None = None) -> Path | None:
    """Playwright's own download, kept in the checkout."""
    run = run or _succeeds
    if not (found := _downloaded()):
        with_libraries = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
        install = [sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"]
        run(*install, env={"PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADS)})
        found = _downloaded()
    return found


def _downloaded() -> Path | None:
    found = sorted(DOWNLOADS.glob("chromium-*/chrome-*/chrome"), reverse=True)
    return next((path for path in found if _starts(path)), None)


def _starts(path: Path) -> bool:
    try:
        version = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return version.returncode == 0


def _succeeds(*argv: str, env: Mapping[str, str]) -> bool:
    print("+", *argv, file=sys.stderr)
    ended = subprocess.run(argv, env={**os.environ, **env}, stdout=sys.stderr, check=False)
    return ended.returncode == 0


if __name__ == "__main__":
    try:
        print(chromium())
    except NoBrowserError as error:
        sys.exit(str(error))
