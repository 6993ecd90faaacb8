"""Puts the parts together: one process with pages and engine, or either alone; starts and stops them."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import logging
import logging.handlers
import os
import platform
import queue
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from server import __version__, files
from server.bus import Bus
from server.domain.errors import NarrowsError, Unavailable
from server.engine import specs
from server.engine.engine import Engine
from server.git import children, commands
from server.services import agents, projects, relay, sample
from server.services.narrows import Narrows
from server.settings import Settings
from server.store.database import Database
from server.store.migrations import migrate
from server.web import api, errors, pages, security

LOG_BYTES = 5_000_000


def open_narrows(settings: Settings) -> Narrows:
    """The context on this data folder, its database brought to this version.

    Raises:
        NarrowsError: git is too old, the data was written by a newer Narrows, or `config.toml` can't be used.
    """
    commands.version()
    built_in = specs.built_in_agents(settings)
    database = Database(settings.database_url)
    migrate(database.engine, settings.backups)
    return Narrows(
        settings,
        database,
        Bus(),
        built_in=built_in,
        probe=functools.partial(specs.probe, settings=settings),
        describe=functools.partial(specs.describe, settings=settings),
    )


def create_app(narrows: Narrows) -> FastAPI:
    """Pages and API over `narrows`; whether an engine works on it is not its business."""
    app = FastAPI(title="Narrows", version=__version__, docs_url=None, redoc_url=None)
    app.state.narrows = narrows
    errors.install(app)

    api.install(app)
    pages.install(app)
    security.install(app, token=security.token(narrows.settings.token_file), host=narrows.settings.host)
    return app


def serve(settings: Settings, *, open_path: str = "/", register: Path | None = None, demo: bool = False) -> int:
    """Serve until told to stop; answers with the exit code.

    Args:
        open_path: The page that is opened.
        register: A repository to register and open.
        demo: Make the sample project and its tasks first.

    Raises:
        NarrowsError: It can't start; the sentence says why.
    """
    with _until_told() as end, _locked(settings.lock_file), _logging(settings), _narrows(settings) as narrows:
        if register:
            open_path = f"/projects/{projects.register(narrows, str(register)).id}"
        if demo and not end.told.is_set():
            sample.prepare(narrows)
        with _bind(settings) as sock, _announced(settings, sock, open_path), _background(settings, narrows) as worker:
            end.by(narrows.bus.close, worker.stop)
            _Server(create_app(narrows), end).serve_on(sock)
    return 0


@contextlib.contextmanager
def _background(settings: Settings, narrows: Narrows) -> Iterator[Engine | relay.Relay]:
    """The engine, or news of the one that works in another process."""
    with _engine_locked(settings) if settings.worker else contextlib.nullcontext():
        worker = Engine(narrows, _executor(settings)) if settings.worker else relay.Relay(narrows)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


class _End:
    """The end of this process, once a signal asks for it: there is one, however often and whenever that happens."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # nothing else may be used by a handler as well
        self._acts: tuple[Callable[[], None], ...] = (children.stop,)
        threading.Thread(target=self._come, name="narrows-stop", daemon=True).start()

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """As a handler of signals."""
        self._signals.put(number)

    def by(self, *acts: Callable[[], None]) -> None:
        """What is done then, in a thread: instead of ending the git that a start waits for."""
        self._acts = acts

    def _come(self) -> None:
        self._signals.get()
        self.told.set()
        for act in self._acts:
            act()


@contextlib.contextmanager
def _until_told() -> Iterator[_End]:
    """From the first moment on, a signal that ends programs is a wish, and what is broken off by it is no error.

    In other threads than the main one, signals stay what they are.
    """
    end = _End()
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, end.hear) for number in (signal.SIGINT, signal.SIGTERM) if main}
    try:
        with children.kept():
            yield end
    except NarrowsError:
        if not end.told.is_set():
            raise
    finally:
        if not end.told.is_set():  # or else nobody has to ask a second time
            for number, earlier in before.items():
                signal.signal(number, earlier)
    if end.told.is_set():
        print("Stopped. What was under way goes on at the next start.", flush=True)  # noqa: T201


def work(settings: Settings) -> int:
    """Work without pages until told to stop: for a server that was started with --no-worker.

    Raises:
        NarrowsError: Another engine works on this data folder already.
    """
    with _until_told() as end, _engine_locked(settings), _logging(settings), _narrows(settings) as narrows:
        events, engine = relay.Relay(narrows), Engine(narrows, _executor(settings))
        events.start()
        engine.start()
        print(f"Working on {settings.data}. Ctrl-C stops.", flush=True)  # noqa: T201
        end.told.wait()
        narrows.bus.close()
        engine.stop()
        events.stop()
    return 0


def _executor(settings: Settings) -> str:
    """The name under which this data folder's engine works, the same at each start; another folder has another."""
    file = settings.data / "executor"
    if not file.exists():
        files.write_anew(file, f"{platform.node() or 'host'}-{secrets.token_hex(4)}".encode())
    return file.read_text().strip()


@contextlib.contextmanager
def _engine_locked(settings: Settings) -> Iterator[None]:
    """One engine for a data folder, whether it has pages or not."""
    with _locked(
        settings.data / "lock-engine", f"An engine already works on {settings.data}.", "Stop that one, or use it."
    ):
        yield


def doctor(settings: Settings) -> dict[str, Any]:
    """What this installation has: versions, data folder, database, agents."""
    found: dict[str, Any] = {"narrows": __version__, "python": sys.version.split()[0], "data": str(settings.data)}
    try:
        found["git"] = ".".join(map(str, commands.version()))
        with _narrows(settings) as narrows:
            found["database"] = narrows.database.engine.url.render_as_string(hide_password=True)
            found["server"] = "running" if _held(settings.lock_file) else "not running"
            found["agents"] = [_agent(seen) for seen in agents.seen(narrows, ask=True)]
    except NarrowsError as error:
        found["problem"] = str(error)
    return found


def _agent(seen: agents.Seen) -> dict[str, Any]:
    """One agent as the doctor tells of it."""
    return {
        "name": seen.agent.name,
        "title": seen.facts.title,
        "state": seen.readiness.value,
        "family": seen.agent.family,
        "way": seen.found.way,
        "driven": seen.facts.driven,
        "path": seen.found.path,
        "version": seen.found.version,
        "login": seen.login,
        "proven": seen.facts.proven,
        "problem": seen.found.problem,
        "step": seen.found.step,
    }


@contextlib.contextmanager
def _narrows(settings: Settings) -> Iterator[Narrows]:
    narrows = open_narrows(settings)
    try:
        yield narrows
    finally:
        narrows.bus.close()
        narrows.database.close()


@contextlib.contextmanager
def _locked(file: Path, sentence: str = "", hint: str = "") -> Iterator[None]:
    """Hold a file of the data folder: two engines with one name would run everything twice."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(
            sentence or f"Narrows already runs on {file.parent}.",
            hint or "Use that one, stop it first, or name another folder: --data DIR.",
            code="already_running",
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _held(file: Path) -> bool:
    try:
        with _locked(file):
            return False
    except Unavailable:
        return True


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol said, asyncio sends each answer at once; else the last part of it waits 40 ms for an acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(128)  # whoever follows the link at once waits a moment, and is not refused
    except OSError as error:
        sock.close()
        raise Unavailable(
            f"{settings.host}:{settings.port} can't be listened on: {error.strerror}.",
            "Name another port with --port N, or --port 0 for a free one.",
        ) from error
    return sock


@contextlib.contextmanager
def _announced(settings: Settings, sock: socket.socket, open_path: str) -> Iterator[None]:
    """Say where it is: in `server.json` for scripts, on the terminal and in the browser for the person."""
    port = sock.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    where = {"pid": os.getpid(), "host": settings.host, "port": port}
    files.write_anew(settings.server_file, json.dumps(where).encode())
    mark = "&" if "?" in open_path else "?"
    url = f"http://{host}:{port}{open_path}{mark}token={security.token(settings.token_file)}"
    if not settings.loopback:
        print(  # noqa: T201
            f"Warning: {settings.host} is open to other machines. Whoever has the token can start programs here, and "
            "it travels unencrypted.",
            file=sys.stderr,
        )
    print(f"Narrows is at {url}\nCtrl-C stops.", flush=True)  # noqa: T201
    if settings.open_browser:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    try:
        yield
    finally:
        settings.server_file.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """uvicorn, which ends when it is told to, by whoever hears the signals, and then returns instead of dying."""

    def __init__(self, app: FastAPI, end: _End) -> None:
        self._end = end
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, timeout_graceful_shutdown=2, lifespan="off", server_header=False
            )
        )

    def serve_on(self, sock: socket.socket) -> None:
        self.run(sockets=[sock])

    async def on_tick(self, counter: int) -> bool:
        return self._end.told.is_set() or await super().on_tick(counter)

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


@contextlib.contextmanager
def _logging(settings: Settings) -> Iterator[None]:
    """The log is a file that turns over; the terminal gets what a person must see."""
    settings.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    to_file = logging.handlers.RotatingFileHandler(settings.logs / "narrows.log", maxBytes=LOG_BYTES, backupCount=3)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_file.setLevel(settings.log_level.upper())
    logging.raiseExceptions = False  # on a full disk the terminal would get a traceback for each line
    root = logging.getLogger()
    root.addHandler(to_file)
    root.setLevel(settings.log_level.upper())
    try:
        yield
    finally:
        root.removeHandler(to_file)
        to_file.close()
