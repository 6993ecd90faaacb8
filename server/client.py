"""How the command line reaches Narrows: the running server, or where none runs the same app in this process."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from server.domain.errors import NarrowsError, Unavailable
from server.settings import Settings

SECONDS = 120  # the longest that one call may take: a landing is built in it
PING = ": ping"  # what an idle stream of events says every quarter of a minute


class Answered(NarrowsError):
    """The API's refusal; `told` is all of it."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        super().__init__(told["message"], told["hint"], told["code"])
        self.status = status
        self.told = told


class Client:
    """Calls of the JSON API. Used as a context, by `client(settings)`."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, base_url: str, token: str, *, running: bool) -> None:
        self.running = running  # whether a server is there, which does the work
        self._transport = transport
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON at `/api/{path}`.

        Raises:
            Answered: The API refused.
            Unavailable: The server does not answer.
        """
        return self._ask("GET", path, params=query).json()

    def get_bytes(self, path: str) -> bytes:
        """The bytes at `/api/{path}`. Raises as `get` does."""
        return self._ask("GET", path).content

    def post(self, path: str, /, **fields: Any) -> Any:
        """Post the fields that are not None. Answers and raises as `get` does."""
        return self._ask("POST", path, json={name: value for name, value in fields.items() if value is not None}).json()

    def delete(self, path: str) -> Any:
        """Answers and raises as `get` does; None where nothing is answered."""
        answer = self._ask("DELETE", path)
        return answer.json() if answer.content else None

    def until(self, look: Callable[[], Any | None], noun: str) -> Any:
        """What `look` answers once that is something: asked at once, after each event of `noun`, and now and then.

        Raises:
            Unavailable: The server ended meanwhile, or does not answer.
        """
        listening = {**self._headers, "Accept": "text/event-stream"}
        events = f"{self._base_url}/api/events"
        try:
            with httpx2.stream("GET", events, headers=listening, timeout=SECONDS, trust_env=False) as stream:
                for line in itertools.chain([PING], stream.iter_lines()):
                    if (line == PING or _about(line) == noun) and (found := look()) is not None:
                        return found
        except httpx2.HTTPError as error:
            raise _silent(error) from error
        raise Unavailable("Narrows stopped meanwhile.", "Start it again; it goes on where it was.")

    def need_server(self) -> None:
        """Raises: Unavailable, where no server runs."""
        if not self.running:
            raise Unavailable("Narrows is not running, and only it can do this.", "Start it first: `narrows`.")

    def _ask(self, method: str, path: str, **wishes: Any) -> httpx2.Response:
        try:
            answer = asyncio.run(self._request(method, path, wishes))
        except httpx2.HTTPError as error:
            raise _silent(error) from error
        if answer.is_success:
            return answer
        try:
            told = answer.json()["error"]
        except (ValueError, KeyError, TypeError):
            raise NarrowsError(f"The server answered {answer.status_code} in words that are not its own.") from None
        raise Answered(answer.status_code, told)

    async def _request(self, method: str, path: str, wishes: dict[str, Any]) -> httpx2.Response:
        # No proxy from the environment: it would get the token.
        http = httpx2.AsyncClient(
            transport=self._transport, base_url=self._base_url, headers=self._headers, timeout=SECONDS, trust_env=False
        )
        async with http:
            return await http.request(method, f"/api/{path}", **wishes)


def _silent(error: httpx2.HTTPError) -> Unavailable:
    return Unavailable(
        f"The running Narrows does not answer ({type(error).__name__}).", "Look at its terminal; start it again."
    )


def _about(line: str) -> str:
    """What an event is about, by its line of data; empty for every other line of a stream."""
    return str(json.loads(line.removeprefix("data:"))["noun"]) if line.startswith("data:") else ""


@contextmanager
def client(settings: Settings) -> Iterator[Client]:
    """A client of the server on this data folder, or of the app without an engine where none runs."""
    if address := running(settings):
        yield Client(httpx2.AsyncHTTPTransport(), address, _token(settings), running=True)
    else:
        with _in_process(settings) as made:
            yield made


def running(settings: Settings) -> str | None:
    """The URL of the server that works on this data folder; None when there is none."""
    try:
        told = json.loads(settings.server_file.read_text("utf-8"))
        pid, host, port = int(told["pid"]), str(told["host"]), int(told["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not _alive(pid) or not _locked(settings) or not settings.token_file.exists():
        return None  # left behind; the port may be another program's by now, which must not get the token
    return f"http://{_reachable(host)}:{port}"


def link(settings: Settings) -> str | None:
    """The running server's URL with the token, as it was printed at its start; None when there is none."""
    address = running(settings)
    return address and f"{address}/?token={_token(settings)}"


def _token(settings: Settings) -> str:
    return settings.token_file.read_text("ascii").strip()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid > 0


def _locked(settings: Settings) -> bool:
    try:
        with settings.lock_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _reachable(host: str) -> str:
    """The host to call for an address that is listened on."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"


@contextmanager
def _in_process(settings: Settings) -> Iterator[Client]:
    from server.app import create_app, open_narrows
    from server.web import security

    narrows = open_narrows(settings)
    try:
        app = create_app(narrows)
        address = f"http://{_reachable(settings.host)}:{settings.port or 80}"
        yield Client(httpx2.ASGITransport(app=app), address, security.token(settings.token_file), running=False)
    finally:
        narrows.bus.close()
        narrows.database.close()
