"""What pages load: served under a folder that is named after all of it, so that browsers may keep it for good.

Modules name each other by relative addresses, and so stay within one version. These files are few and small and every
page asks for all of them, so they are kept in memory, compressed.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.staticfiles import StaticFiles

from server import assets

_VENDORED = "htmx-"  # scripts of the old kind, which know no modules


@dataclass(frozen=True)
class _File:
    content: bytes
    compressed: bytes
    media_type: str


def install(app: FastAPI) -> None:
    """Serve them under their version, and under their bare names."""
    app.add_route(f"/static/{version()}/{{name:path}}", _serve, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=assets.static()), name="static")


async def _serve(request: Request) -> Response:
    file = _files().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(file.content, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.compressed, media_type=file.media_type, headers=headers)


@cache
def _files() -> dict[str, _File]:
    found = {}
    for path in sorted(assets.static().rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            name = path.relative_to(assets.static()).as_posix()
            found[name] = _File(content, gzip.compress(content, 9, mtime=0), media_type)
    return found


@cache
def version() -> str:
    """Twelve hexadecimal digits that change with any of the files."""
    digest = hashlib.sha256()
    for name, file in _files().items():
        digest.update(f"{name} {len(file.content)}\n".encode() + file.content)
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The URL of one of them."""
    return f"/static/{version()}/{name}"


@cache
def modules() -> list[str]:
    """The URLs of what the script consists of, for browsers to fetch all at once."""
    return [asset(name) for name in _files() if name.endswith(".js") and not name.startswith(_VENDORED)]
