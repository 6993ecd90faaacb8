"""Who may talk to Narrows: a server that starts programs answers its own user, from its own pages or scripts, only.

The token opens a page once and becomes a cookie; scripts send it as a bearer. Known host names keep out DNS
rebinding, and the browser's own word on where a request comes from (Fetch Metadata) keeps out other sites.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
import stat
from html import escape
from pathlib import Path
from urllib.parse import unquote_plus

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.domain.errors import Invalid, NarrowsError, Refused
from server.web import errors

MOST_BYTES = 10_000_000  # of a request's body
COOKIE_SECONDS = 30 * 24 * 3600
READS = {"GET", "HEAD", "OPTIONS"}
FRAMES = {"iframe", "frame", "embed", "object", "fencedframe"}
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "[::1]"}
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
VERSIONED = re.compile(r"-\d+(\.\d+)+[.-]|[?&]v=|^/static/[0-9a-f]{12}/")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make browsers send forms with `Origin: null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class NoToken(NarrowsError):
    """The caller has not shown the token."""

    status = 401
    code = "no_token"


class UnknownHost(NarrowsError):
    """The request was meant for another name than Narrows listens on."""

    status = 421
    code = "unknown_host"


class TooLarge(NarrowsError):
    """The body is larger than anything that Narrows takes."""

    status = 413
    code = "too_large"


def token(file: Path) -> str:
    """The secret of this data folder, made at the first call. The file is readable by its owner alone.

    Raises:
        Invalid: Something else than a file of the user's own is there.
    """
    if not os.path.lexists(file):
        _make(file)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Invalid("token", f"{file} can't be read: {error.strerror}.", "Remove it; a new one is made.") from error
    with os.fdopen(descriptor) as opened:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode) or there.st_uid != os.geteuid():
            raise Invalid("token", f"{file} is not a file of yours.", "Remove it; a new one is made.")
        if there.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        found = opened.read().strip()
    if len(found) < 32 or not found.isascii():
        raise Invalid("token", f"{file} holds no token.", "Remove it; a new one is made.")
    return found


def _make(file: Path) -> None:
    """Write a new token beside its place and link it there whole; where two do so at once, the first wins."""
    beside = file.with_name(f".token-{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(32) + "\n")
        os.link(beside, file)
    except FileExistsError:
        pass
    finally:
        beside.unlink()


def install(app: FastAPI, *, token: str, host: str = "127.0.0.1") -> None:
    """Put the gate around the app; call it last, so that nothing is outside.

    Args:
        token: The secret, as `token()` gives it.
        host: The address that the server listens on.
    """
    app.add_middleware(Gate, token=token, host=host)


class Gate:
    """Lets in who shows the token, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, *, token: str, host: str) -> None:
        self.app = app
        self._token = token.encode()
        self._cookie = hmac.new(self._token, b"narrows cookie", hashlib.sha256).hexdigest()
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # there are no web sockets
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        request = Request(scope)
        send = _with_headers(request, send)
        if response := self._refusal(request) or self._welcome(request):
            return await response(scope, receive, send)
        return await _limited(self.app, request, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to whoever may not come in; None for those who may."""
        try:
            self._check_host(request)
            _check_reader(request)
            self._check_token(request)
        except NoToken as error:
            response = errors.bare(request, error, _way_on(request))
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        except NarrowsError as error:
            return errors.bare(request, error)
        return None

    def _welcome(self, request: Request) -> Response | None:
        """A link with the token becomes a cookie, and the address loses the secret. None for any other request."""
        if not _is_page(request) or "token" not in request.query_params:
            return None
        response = RedirectResponse(_own_address(request), 303)
        if self._is_token(request.query_params["token"]):
            response.set_cookie(
                _cookie_name(request), self._cookie, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="strict"
            )
        return response

    def _check_host(self, request: Request) -> None:
        given = request.headers.getlist("host")
        found = HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        name, port = found.groups() if found else ("", None)
        if name not in self._names(request) or int(port or 80) != _port(request):
            raise UnknownHost("Narrows does not answer to this name.", "Use the address that `narrows` printed.")

    def _names(self, request: Request) -> set[str]:
        if not _wildcard(self._host):
            return LOOPBACK_NAMES | {_bracketed(self._host)}
        # The address that the connection came in on: a numeric host can't be rebound.
        local = request.scope["server"][0] if request.scope.get("server") else ""
        return LOOPBACK_NAMES | {_bracketed(local), socket.gethostname().lower()}

    def _check_token(self, request: Request) -> None:
        """Raises: NoToken, or Refused for a write that another site may have sent."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if not self._is_token(given.strip()):
                raise NoToken("This is not the token of this Narrows.", "It is in the file `token` of the data folder.")
        elif self._has_cookie(request):
            _check_writer(request)
        elif not self._opened_by_link(request):
            raise NoToken(
                "Narrows opens for its own user only.",
                "Run `narrows` again: it prints the link. Scripts send the token from the data folder as a bearer.",
            )

    def _opened_by_link(self, request: Request) -> bool:
        return _is_page(request) and self._is_token(request.query_params.get("token", ""))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def _has_cookie(self, request: Request) -> bool:
        """Any of that name counts: another port of this host may have set one, too."""
        name, ours = _cookie_name(request), self._cookie.encode()
        pairs = (pair.strip().partition("=") for line in request.headers.getlist("cookie") for pair in line.split(";"))
        return any(key == name and hmac.compare_digest(value.encode("latin-1"), ours) for key, _, value in pairs)


def _is_page(request: Request) -> bool:
    return request.method == "GET" and not errors.for_script(request)


def _check_reader(request: Request) -> None:
    """Raises Refused for what another site embeds or fetches; a link that a person follows is fine."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    into = request.headers.get("Sec-Fetch-Dest", "document")
    if into in FRAMES:
        raise Refused("Narrows can't be shown inside another page.", "Open it in a tab of its own.")
    if site in ("same-origin", "none"):
        return
    followed = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" and into == "document"
    if request.method != "GET" or not followed:
        raise Refused("This request came from another site.", "Use the pages of Narrows itself.")


def _check_writer(request: Request) -> None:
    """Raises Refused for a write that came with the cookie, but not from a page of this very origin."""
    if request.method in READS:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if (site or origin) is None or site not in (None, "same-origin") or origin not in (None, _origin(request)):
        raise Refused("This request came from another site.", "Use the pages of Narrows itself, or the bearer token.")


def _way_on(request: Request) -> str:
    """A link for who followed one from another site: the strict cookie comes along only from a page of our own."""
    followed = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if request.method != "GET" or not followed:
        return ""
    return f'<p><a href="{escape(_own_address(request))}">Continue to Narrows</a> if you have it open already.</p>\n'


def _own_address(request: Request) -> str:
    """This request's address without the token: absolute, so that no path can name another host."""
    path = request.scope.get("raw_path") or request.scope["path"].encode("utf-8", "surrogateescape")
    parts = request.scope["query_string"].decode("latin-1").split("&")
    kept = "&".join(part for part in parts if part and unquote_plus(part.partition("=")[0]) != "token")
    address = f"{_origin(request)}/{path.decode('latin-1').removeprefix('/')}"
    return f"{address}?{kept}" if kept else address


def _origin(request: Request) -> str:
    return f"{request.scope['scheme']}://{request.headers['host'].lower()}"


def _cookie_name(request: Request) -> str:
    return f"narrows_{_port(request)}"  # browsers share cookies between the ports of a host


def _port(request: Request) -> int | None:
    server = request.scope.get("server")
    return (server[1] or 80) if server else None


def _wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _with_headers(request: Request, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            stricter = headers.get("Content-Security-Policy")  # of what an agent made and no page is
            headers.update(HEADERS | ({"Content-Security-Policy": stricter} if stricter else {}))
            headers.add_vary_header("HX-Request")
            headers.setdefault("Cache-Control", _caching(request, message["status"]))
        await send(message)

    return sending


def _caching(request: Request, status: int) -> str:
    path = request.scope["path"]
    if not path.startswith("/static/") or status not in (200, 206, 304):
        return "no-store"
    if VERSIONED.search(f"{path}?{request.scope['query_string'].decode('latin-1')}"):
        return "private, max-age=31536000, immutable"
    return "no-cache"


async def _limited(app: ASGIApp, request: Request, receive: Receive, send: Send) -> None:
    """Run the app, but answer a body over the limit with a sentence, whatever the app makes of it."""
    too_large = TooLarge(f"This is larger than {MOST_BYTES // 1_000_000} MB.", "Send less, or name a file instead.")
    length = request.headers.get("Content-Length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > MOST_BYTES:
        return await errors.bare(request, too_large)(request.scope, receive, send)
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise too_large
        return message

    async def unless_too_large(message: Message) -> None:
        if taken <= MOST_BYTES:
            await send(message)

    with contextlib.suppress(TooLarge):
        await app(request.scope, counted, unless_too_large)
    if taken > MOST_BYTES:
        await errors.bare(request, too_large)(request.scope, receive, send)
    return None
