"""The peers: installed by npm into a cache folder of the user's, and their pages served on a port of their own.

Each is entered anew for each visit: difit ends when its reader goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.bench.peers.corpus import Corpus

PACKAGES = ("diff2html-cli@5.2.15", "difit@2.2.7", "@pierre/diffs@1.6.4", "esbuild@0.28.2")
HERE = Path(__file__).parent
BLANK = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A change</title>'


@dataclass(frozen=True)
class Shown:
    """A page that shows a diff, and how it is asked what it does. The scripts are expressions for the page."""

    url: str
    ready: str  # true once rows of code are in the page
    next_file: str  # goes to the next file, where there is no key for it
    key: str = ""  # the page's own key for the next file
    answered: str = ""  # true once that key has had its effect
    cookie: tuple[str, str] | None = None


Peer = Callable[[Corpus, Path], contextlib.AbstractContextManager[Shown]]


def install() -> Path:
    """The folder with the peers, filled at the first call.

    Raises:
        subprocess.CalledProcessError: npm could not.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "narrows-peers"
    folder = Path(os.environ.get("NARROWS_PEERS_CACHE") or default)
    wanted = folder / "packages.txt"
    if not wanted.exists() or wanted.read_text() != "\n".join(PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES, cwd=folder)
        wanted.write_text("\n".join(PACKAGES))
    return folder


def run(*argv: str | Path, cwd: Path) -> None:
    subprocess.run([*argv], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def diff2html(corpus: Corpus, folder: Path) -> Iterator[Shown]:
    """The page that its command line writes, with its own script beside the rows."""
    page = folder / "index.html"
    program = install() / "node_modules" / ".bin" / "diff2html"
    run(program, "--style", "line", "--input", "file", "--file", page, "--", corpus.patch, cwd=folder)
    with _served(folder) as url:
        yield Shown(
            url,
            ready='document.querySelector(".d2h-code-line")',
            next_file=_scroll_to_next(".d2h-file-wrapper"),
        )


@contextlib.contextmanager
def difit(corpus: Corpus, folder: Path) -> Iterator[Shown]:
    """Its own server on the repository."""
    program = install() / "node_modules" / "difit" / "dist" / "cli" / "index.js"
    argv: list[str | Path] = [
        _node(),
        program,
        "head",
        "main",
        "--no-open",
        "--mode",
        "inline",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
    ]
    terminal, typed = os.openpty()  # it would read a diff from any other standard input
    process = subprocess.Popen(argv, cwd=corpus.repository.path, stdin=typed, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        url = next(found.group() for line in process.stdout if (found := re.search(r"http://\S+:\d+", line)))
        yield Shown(
            url.replace("localhost", "127.0.0.1"),
            ready='document.querySelector("main table tr td:last-child span")',
            next_file=_scroll_to_next("tr[id$='-chunk-0-line-0']"),
        )
    finally:
        process.terminate()
        process.wait(timeout=10)
        os.close(terminal)
        os.close(typed)


@contextlib.contextmanager
def pierre(corpus: Corpus, folder: Path) -> Iterator[Shown]:
    """A page of ours around its virtualised view, bundled as its readers would."""
    cache = install()
    modules = cache / "node_modules"
    build: list[str | Path] = [
        modules / ".bin" / "esbuild",
        "--bundle",
        "--minify",
        "--format=esm",
        "--log-level=error",
    ]
    entry = cache / "pierre.js"
    shutil.copy(HERE / "pierre.js", entry)
    run(*build, "--splitting", entry, f"--outdir={folder}", cwd=cache)
    worker = modules / "@pierre" / "diffs" / "dist" / "worker" / "worker.js"
    run(*build, worker, f"--outfile={folder / 'worker.js'}", cwd=cache)
    shutil.copy(corpus.patch, folder / "change.diff")
    style = "<style>body{margin:0}#view{height:100vh;overflow:auto}</style>"
    body = '<div id="view" tabindex="0"></div><script type="module" src="pierre.js"></script>'
    (folder / "index.html").write_text(f"{BLANK}{style}{body}")
    with _served(folder) as url:
        yield Shown(
            url,
            ready='document.querySelector("diffs-container")?.shadowRoot?.querySelector("[data-line]")',
            next_file="window.nextFile()",
        )


PEERS: dict[str, Peer] = {"diff2html": diff2html, "difit": difit, "@pierre/diffs": pierre}


def _node() -> str:
    found = shutil.which("node")
    assert found, "the peers need node"
    return found


def _scroll_to_next(selector: str) -> str:
    """The next of these that is below the top comes to the top, in whatever scrolls."""
    below = "(element) => element.getBoundingClientRect().top > 120"
    return f"[...document.querySelectorAll({json.dumps(selector)})].find({below})?.scrollIntoView({{ block: 'start' }})"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
