"""Narrows itself: started, looked over."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server import __version__, plain_text
from server.cli import common
from server.cli.common import Data, Json
from server.domain.errors import Unavailable

if TYPE_CHECKING:
    from server.settings import Settings

Port = Annotated[int | None, typer.Option("--port", metavar="N", help="The port to listen on; 0 picks a free one.")]
Host = Annotated[str | None, typer.Option("--host", metavar="H", help="The address to listen on.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Show pages only; `narrows worker` does the work.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"narrows {__version__}")
        raise typer.Exit


def start(
    context: typer.Context,
    data: Data = None,
    port: Port = None,
    host: Host = None,
    no_browser: NoBrowser = False,
    no_worker: NoWorker = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,  # noqa: ARG001
) -> None:
    """Without a command: serve. Inside a git repository, that repository is registered and opened."""
    common.before.update(_flags(port, host, no_browser, no_worker), data=data)
    if context.invoked_subcommand is None:
        serve(data, port, host, no_browser, no_worker)


def serve(
    data: Data = None, port: Port = None, host: Host = None, no_browser: NoBrowser = False, no_worker: NoWorker = False
) -> None:
    """Start the pages and the work; Ctrl-C stops both."""
    settings = common.settings(data, **_flags(port, host, no_browser, no_worker))
    here = Path.cwd().resolve()
    register = here if common.in_repository(here) and not here.is_relative_to(settings.data) else None
    _serve(settings, register=register)


def demo(
    data: Data = None, port: Port = None, host: Host = None, no_browser: NoBrowser = False, no_worker: NoWorker = False
) -> None:
    """The whole loop on a sample project made on the spot: no key, no network."""
    _serve(common.settings(data, **_flags(port, host, no_browser, no_worker)), demo=True)


def _flags(port: int | None, host: str | None, no_browser: bool, no_worker: bool) -> dict[str, Any]:
    quiet = {"open_browser": False if no_browser else None, "worker": False if no_worker else None}
    return {"port": port, "host": host, **quiet}


@contextlib.contextmanager
def _ended_at_once() -> Iterator[None]:
    """While modules are brought in, which takes a second, Ctrl-C ends the process: nothing has begun."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _kept_for_good() -> Iterator[None]:
    """What modules bring is never garbage: looking through it takes a third of the start, and time ever after."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _serve(settings: Settings, **wishes: Any) -> None:
    """Serve, or say where the server that is there already can be opened."""
    with _ended_at_once(), _kept_for_good():
        from server.app import serve

    try:
        code = serve(settings, **wishes)
    except Unavailable as error:
        from server.client import link

        if error.code == "already_running" and (address := link(settings)):
            raise Unavailable(error.message, f"Open it at {address}\n{error.hint}", error.code) from error
        raise
    raise typer.Exit(code)


def worker(
    data: Data = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="Where the server keeps it.")
    ] = None,
) -> None:
    """The work without the pages."""
    with _ended_at_once(), _kept_for_good():
        from server.app import work

    raise typer.Exit(work(common.settings(data, database_url=database)))


def doctor(data: Data = None, as_json: Json = False) -> None:
    """What this installation has, and what is wrong with it."""
    from server.app import doctor

    told = doctor(common.settings(data))
    common.tell(told, as_json, plain_text.doctor)
    raise typer.Exit(1 if told.get("problem") else 0)


def status(data: Data = None, as_json: Json = False) -> None:
    """How it stands, and whether anything keeps new work from starting."""
    common.look(data, "status", as_json, plain_text.status)
