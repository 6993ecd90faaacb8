"""Errors as answers: JSON for scripts, a page for people, a fragment for htmx; never a bare traceback."""

from __future__ import annotations

import logging
import platform
import secrets
import sqlite3
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import __version__
from server.domain.errors import DiskFull, GitError, Invalid, NarrowsError, NotFound
from server.services import room
from server.services.assessments import Objected, Objection

logger = logging.getLogger("narrows.web")

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Narrows</title>
<main>
<h1>{title}</h1>
<p>{message}</p>
<p>{hint}</p>
{more}</main>
</html>
"""
FRAGMENT = '<div class="error" role="alert"><p>{message}</p><p class="hint">{hint}</p></div>\n'
SENTENCES = {  # pydantic's kinds of mistakes that have a plainer sentence than its own
    "missing": "It is missing.",
    "extra_forbidden": "There is no such field.",
    "string_type": "It must be text.",
    "int_parsing": "It must be a whole number.",
    "int_type": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "list_type": "It must be a list.",
    "dict_type": "It must be a JSON object.",
    "bool_type": "It must be true or false.",
    "bool_parsing": "It must be true or false.",
    "model_attributes_type": "It must be a JSON object.",
}


class Unexpected(NarrowsError):
    """A mistake in Narrows itself; the report with this id is in the logs."""

    status = 500
    code = "unexpected"


def install(app: FastAPI) -> None:
    """Answer every error that a route raises. Call it before `security.install`, whose headers these answers need."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, cast(Callable[[Request, Exception], Response], handler))
    app.add_middleware(LastResort)


def answer(request: Request, error: NarrowsError) -> Response:
    """The error as the caller understands it: JSON under `/api`, a fragment for htmx, otherwise a page."""
    if for_script(request):
        return JSONResponse({"error": described(error)}, error.status)
    return HTMLResponse(_templated(request, error) or _plain(request, error), error.status)


def bare(request: Request, error: NarrowsError, more: str = "") -> Response:
    """The same without the page's template, for callers who may not see anything of Narrows.

    Args:
        more: HTML below the sentences.
    """
    if for_script(request):
        return JSONResponse({"error": described(error)}, error.status)
    return HTMLResponse(_plain(request, error, more), error.status)


def for_script(request: Request) -> bool:
    """Whether JSON is expected, and not HTML."""
    path: str = request.scope["path"]
    return path == "/openapi.json" or path == "/api" or path.startswith("/api/")


def described(error: NarrowsError) -> dict[str, Any]:
    """What scripts get to know of an error."""
    told: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, Invalid):
        told["field"] = error.field
    if isinstance(error, Objected):
        told["blockers"] = [_objection(one) for one in error.assessment.blockers]
        told["warnings"] = [_objection(one) for one in error.assessment.warnings]
    return told


def _objection(objection: Objection) -> dict[str, str]:
    return {
        "hash": objection.hash,
        "code": objection.code,
        "message": objection.message,
        "hint": objection.hint,
    }


def _partial(request: Request) -> bool:
    asked_by_htmx = request.headers.get("HX-Request") == "true"
    return asked_by_htmx and request.headers.get("HX-Request-Type") != "full"


def _templated(request: Request, error: NarrowsError) -> str | None:
    """The error on the pages' own template; None where that is missing or itself in trouble."""
    templates = getattr(request.app.state, "templates", None)
    if templates is None:
        return None
    context = {"request": request, "error": error, "title": title(error.status), **described(error)}
    context |= {"status": error.status}
    try:
        template = getattr(templates, "env", templates).get_template("error.html")
        if not _partial(request):
            return cast(str, template.render(context))
        block = template.blocks.get("error")
        return "".join(block(template.new_context(context))) if block else None
    except Exception:
        logger.exception("the error page can't be rendered")
        return None


def _plain(request: Request, error: NarrowsError, more: str = "") -> str:
    words = {"message": escape(error.message), "hint": escape(error.hint)}
    return FRAGMENT.format(**words) if _partial(request) else PAGE.format(title=title(error.status), more=more, **words)


def title(status: int) -> str:
    """A status code as a heading: 404 is "Not Found"."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"


def _expected(request: Request, error: NarrowsError) -> Response:
    if isinstance(error, GitError) and not isinstance(error, DiskFull):
        report(_logs(request), request.method, request.scope["path"], error, error.stderr)
    return answer(request, error)


def _unfit(request: Request, error: RequestValidationError) -> Response:
    mistakes = error.errors()
    first = mistakes[0]
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "it can't be parsed")
        return answer(request, NarrowsError(f"The body is not JSON: {why}.", "Send a JSON object."))
    if first["loc"][0] == "path":
        return answer(request, _nothing_at(request))
    others = " ".join(f"{_field(one['loc'])}: {_sentence(one)}" for one in mistakes[1:4])
    return answer(request, Invalid(_field(first["loc"]), f"{_field(first['loc'])}: {_sentence(first)}", others))


def _field(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _sentence(mistake: dict[str, Any]) -> str:
    return SENTENCES.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, ").rstrip(".") + "."


def _nothing_at(request: Request) -> NotFound:
    return NotFound(f"There is nothing at {request.scope['path']}.", "Go back to the desk, or check the address.")


def _routing(request: Request, error: HTTPException) -> Response:
    match error.status_code:
        case 404:
            told: NarrowsError = _nothing_at(request)
        case 400:
            told = NarrowsError("The request's body can't be read.", "Send what its content type says, as UTF-8.")
        case 405:
            told = NarrowsError(f"{request.scope['path']} can't be asked to {request.method}.", code="wrong_method")
        case _:
            told = NarrowsError(f"{error.detail}.", code=title(error.status_code).lower().replace(" ", "_"))
    told.status = error.status_code
    response = answer(request, told)
    response.headers.update(error.headers or {})
    return response


HANDLERS: dict[type[Exception], Callable[[Request, Any], Response]] = {
    NarrowsError: _expected,
    RequestValidationError: _unfit,
    HTTPException: _routing,
}


class LastResort:
    """Turns what nobody expected into a report in the logs and an apology that names it.

    Once an answer is under way nothing can be said any more: the report is written and the connection ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        under_way = False

        async def watched(message: Message) -> None:
            nonlocal under_way
            under_way = under_way or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return None
        except Exception as error:
            request = Request(scope)
            if (told := room.full(error)) and not under_way:
                logger.error("%s %s: %s", request.method, request.scope["path"], told.stderr)
                return await answer(request, told)(scope, receive, send)
            name = report(_logs(request), request.method, request.scope["path"], error)
            if not under_way:
                await answer(request, _apology(name))(scope, receive, send)
        return None


def _apology(name: str) -> Unexpected:
    return Unexpected(
        f"Sorry: that went wrong inside Narrows ({name}).", f"Nothing was lost; logs/{name}.log says more."
    )


def _logs(request: Request) -> Path:
    return cast(Path, request.app.state.narrows.settings.logs)


def report(logs: Path, method: str, path: str, error: BaseException, said: str = "") -> str:
    """Write down what is needed to mend an unexpected error; the name of its file, less `.log`.

    The query and the headers stay out: they may hold the token.
    """
    name = f"error-{secrets.token_hex(4)}"
    trace = "".join(traceback.format_exception(error))
    text = (
        f"{datetime.now(UTC).isoformat()} {method} {path}\n"
        f"narrows {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
        f"{platform.platform()}\n\n{trace}" + (f"\n{said}\n" if said else "")
    )
    logger.error("%s: %s %s: %s", name, method, path, type(error).__name__)
    try:
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        (logs / f"{name}.log").write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:
        logger.exception("the report %s can't be written:\n%s", name, text)
    return name
