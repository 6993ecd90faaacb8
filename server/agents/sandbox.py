"""The sandbox that this machine has, if any: found by trying it, as one that is there may be forbidden."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from server.agents.bubblewrap import Bubblewrap
from server.agents.confinement import Confinement, GitFolders, Shown, of_run
from server.agents.seatbelt import SandboxExec
from server.agents.turns import one_line

__all__ = ["Confinement", "GitFolders", "Sandbox", "Shown", "available", "of_run", "why_not"]

Sandbox = Bubblewrap | SandboxExec
PATIENCE = 10.0  # seconds for the try
SYSCTL = Path("/proc/sys")
MISSING = {
    "linux": "bubblewrap is not installed: `apt install bubblewrap`, or your system's way to install it.",
    "darwin": "sandbox-exec, a part of macOS, is not on the PATH: add /usr/bin to it.",
}


def available() -> Sandbox | None:
    """A sandbox that works here. The first call tries it, in some 20 ms; a later one does so when it was replaced."""
    found = _found()
    return None if isinstance(found, str) else found


def why_not() -> str:
    """Why there is no sandbox, and what to do about it, as a sentence for the person; empty when there is one."""
    found = _found()
    return found if isinstance(found, str) else ""


def _found() -> Sandbox | str:
    program = {"linux": "bwrap", "darwin": "sandbox-exec"}.get(sys.platform)
    if program is None:
        return "There is no sandbox for this system: bubblewrap needs Linux, sandbox-exec needs macOS."
    path = shutil.which(program)
    if path is None:
        return MISSING[sys.platform]
    return _tried(path, Path(path).stat().st_mtime_ns, shutil.which("env") or "env", _limits())


@functools.lru_cache(maxsize=8)
def _tried(path: str, _changed: int, env: str, _limits: tuple[str, ...]) -> Sandbox | str:
    sandbox: Sandbox = SandboxExec(path) if sys.platform == "darwin" else Bubblewrap(path, env)
    with tempfile.TemporaryDirectory(prefix="narrows-sandbox-") as folder:
        argv = sandbox.wrap(("/usr/bin/env", "true"), Confinement(Path(folder), network=False))
        try:
            tried = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as trouble:
            return f"{sandbox.name} is installed but doesn't work: {trouble}."
    if tried.returncode == 0:
        return sandbox
    said = one_line(tried.stderr.decode("utf-8", "replace"), limit=200) or f"exit code {tried.returncode}"
    return f"{sandbox.name} is installed but doesn't work here ({said}). {_next_step(said)}"


def _limits() -> tuple[str, ...]:
    """What the kernel says about user namespaces: a person may change it while the server runs."""
    return tuple(_sysctl(name) for name, _, _ in _SWITCHES)


def _sysctl(name: str) -> str:
    try:
        return (SYSCTL / name.replace(".", "/", 1)).read_text().strip()
    except OSError:
        return ""


# What forbids user namespaces, when it does, and the value that allows them.
_SWITCHES: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("kernel.unprivileged_userns_clone", lambda value: value == "0", "1"),
    ("user.max_user_namespaces", lambda value: value == "0", "15000"),
    ("kernel.apparmor_restrict_unprivileged_userns", lambda value: value not in ("", "0"), "0"),
)


def _next_step(said: str) -> str:
    for name, forbids, allowed in _SWITCHES:
        if forbids(_sysctl(name)):
            return f"User namespaces are off: `sudo sysctl -w {name}={allowed}` allows them."
    if "signal=" in said:
        return "Its start needs the `env` of GNU coreutils 8.31 or newer."
    return "In a container, allow user namespaces and an unmasked /proc; or run agents without a sandbox."
