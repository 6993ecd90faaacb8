"""The person's own editor, opened on a change's worktree: by a link that their system knows, or started from here."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from server.domain.base import shown
from server.domain.change import Change
from server.domain.errors import NarrowsError, NotFound
from server.services import changes, checkouts
from server.services.narrows import Narrows
from server.store import queries

SOON = 0.3  # seconds within which an editor that can't be opened says so
LINKED = ("vscode", "vscode-insiders", "vscodium")  # schemes that no program is called like
TERMINAL = ("vi", "vim", "nvim", "nano", "hx", "helix", "micro", "kak", "joe", "jed", "ne", "mcedit", "ed", "emacs-nox")
IN_TERMINAL = ("-nw", "--no-window-system", "-t", "-tty", "--tty")
_AT = {
    **dict.fromkeys(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf"), ("-g", "{path}:{line}")),
    **dict.fromkeys(("subl", "sublime_text", "zed", "zeditor", "lapce"), ("{path}:{line}",)),
    **dict.fromkeys(("gvim", "mvim", "emacs", "emacsclient", "gedit", "xed", "pluma"), ("+{line}", "{path}")),
    **dict.fromkeys(("kate", "kwrite", "mate"), ("-l", "{line}", "{path}")),
    **dict.fromkeys(
        ("idea", "pycharm", "webstorm", "goland", "rubymine", "clion", "rider", "phpstorm", "rustrover"),
        ("--line", "{line}", "{path}"),
    ),
}
_IN_TERMINAL_AT = ("+{line}", "{path}")


class NoEditor(NarrowsError):
    """There is no editor that can be opened from here."""

    status = 409
    code = "no_editor"


@dataclass(frozen=True)
class Opening:
    """How a file is opened at a line. One of the three, or none where the person named no editor.

    `link`: an address for the person's own system. `starts`: the server can start the editor. `command`: a line for
    the person's own terminal.
    """

    path: Path
    link: str = ""
    starts: bool = False
    command: str = ""


def opening(narrows: Narrows, change: Change, path: str, line: int = 1) -> Opening | None:
    """How a file of the change's worktree is opened; None where it is not there to be opened.

    Args:
        path: Below the worktree; empty: the worktree itself.
    """
    tree = checkouts.find(narrows, change)
    if tree is None:
        return None
    try:
        return _opening(narrows.settings.editor, _inside(tree, path), line)
    except NotFound:
        return None


def start(narrows: Narrows, change_id: int, *, revision: int, path: str = "", line: int = 1) -> Opening:
    """Open a file in the person's editor, in the change's worktree, which is made ready where it has none.

    An editor that a link opens is not started: the link is answered. Where none is named, the worktree is made ready.

    Args:
        revision: The number of the newest revision.
        path: Below the worktree; empty: the worktree itself.

    Raises:
        WrongState: The change is not in review, or a newer revision came.
        NoEditor: None is named, it needs a terminal, or it can't be started.
        NotFound: There is no such file.
    """
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
    tree = checkouts.ready(narrows, change, seen)
    found = _opening(narrows.settings.editor, _inside(tree, path), line)
    if found.starts:
        _start(_argv(shlex.split(narrows.settings.editor), found.path, line))
    elif not found.link and (path or narrows.settings.editor):
        raise _refusal(narrows.settings.editor, found)
    return found


def _inside(tree: Path, path: str) -> Path:
    """A file of the worktree, and never what an agent linked it to.

    Raises:
        NotFound: As described.
    """
    file = tree / path
    if not file.exists() or not file.resolve().is_relative_to(tree.resolve()):
        raise NotFound(f"{shown(path)} is not in the worktree.", "It is deleted there, or a link that leads elsewhere.")
    return file


def _opening(editor: str, path: Path, line: int) -> Opening:
    scheme, separator, _ = editor.partition("://")
    if separator or editor in LINKED:
        return Opening(path, link=_link(scheme, path, line))
    argv = _words(editor)
    if not argv:
        return Opening(path)
    if _in_terminal(argv):
        return Opening(path, command=shlex.join(_argv(argv, path, line)))
    return Opening(path, starts=True)


def _words(editor: str) -> list[str]:
    try:
        return shlex.split(editor)
    except ValueError:  # a quotation mark that is not closed
        return []


def _link(scheme: str, path: Path, line: int) -> str:
    named = quote(os.fsencode(path))
    if scheme in ("idea", "pycharm", "webstorm", "goland", "rubymine", "clion", "rider", "phpstorm"):
        return f"{scheme}://open?file={named}&line={line}"
    return f"{scheme}://file{named}" + ("" if path.is_dir() else f":{line}")


def _in_terminal(argv: list[str]) -> bool:
    name = Path(argv[0]).name
    if name in ("vim", "nvim", "vi") and "-g" in argv[1:]:  # with a window of its own
        return False
    return name in TERMINAL or (name.startswith("emacs") and any(flag in argv[1:] for flag in IN_TERMINAL))


def _argv(argv: list[str], path: Path, line: int) -> list[str]:
    """The editor's command line for a file at a line; `{path}` and `{line}` in it stand for these."""
    if any("{path}" in word for word in argv):
        return [word.replace("{path}", str(path)).replace("{line}", str(line)) for word in argv]
    name = Path(argv[0]).name
    at = _IN_TERMINAL_AT if name in TERMINAL else _AT.get(name, ("{path}",))
    if path.is_dir():
        at = ("{path}",)
    added = [word.replace("{path}", str(path)).replace("{line}", str(line)) for word in at]
    return [*argv, *(word for word in added if word not in argv)]


def _start(argv: list[str]) -> None:
    """Start a program that outlives this request and this server, and hears nothing from either.

    Raises:
        NoEditor: It can't be started, or fails at once.
    """
    program = shutil.which(argv[0])
    if program is None or not os.path.isabs(program):  # noqa: PTH117 — a relative one could be the repository's
        raise NoEditor(f"{argv[0]} was not found.", "Name your editor by NARROWS_EDITOR, with its whole path.")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NARROWS_", "GIT_"))}
    try:
        process = subprocess.Popen(
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path.home(),
            env=kept,
            start_new_session=True,
        )
    except OSError as error:
        raise NoEditor(
            f"{argv[0]} could not be started: {error.strerror}.", "Name another by NARROWS_EDITOR."
        ) from error
    try:
        code = process.wait(SOON)
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="narrows-editor", daemon=True).start()  # so that it leaves no zombie
        return
    if code:
        raise NoEditor(f"{argv[0]} ended at once, with exit code {code}.", "Start it in a terminal to see why.")


def _refusal(editor: str, found: Opening) -> NoEditor:
    if found.command:
        return NoEditor(f"{_words(editor)[0]} needs a terminal.", f"Run there: {found.command}")
    return NoEditor("No editor is named.", f"Set NARROWS_EDITOR, or open {found.path} yourself.")
