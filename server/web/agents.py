"""Agents: those found on this machine, and adding another by its command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import Invalid, NarrowsError
from server.services import agents
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()


@dataclass(frozen=True)
class Typed:
    """The form as typed; `env` is lines of NAME=value."""

    name: str = ""
    family: str = "command"
    command: str = ""
    env: str = ""


@router.get("/agents")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """Every agent, and the form for another."""
    return _index(request, narrows, Typed())


@router.post("/agents")
def add(
    request: Request,
    narrows: NarrowsDep,
    name: Annotated[str, Form()] = "",
    family: Annotated[str, Form()] = "command",
    command: Annotated[str, Form()] = "",
    env: Annotated[str, Form()] = "",
) -> Response:
    """Configure an agent, or change the one of that name."""
    typed = Typed(name, family, command, env)
    try:
        agents.add(narrows, name, family, _words(command), _variables(env))
    except NarrowsError as error:
        return _index(request, narrows, typed, error)
    return rendering.go(request, "/agents")


def _index(request: Request, narrows: Narrows, typed: Typed, error: NarrowsError | None = None) -> Response:
    return rendering.page(
        request,
        narrows,
        "agents/index.html",
        status=error.status if error else 200,
        found=agents.found(narrows),
        families=agents.FAMILIES,
        typed=typed,
        error=error,
        section="agents",
    )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Invalid("argv", f"The command can't be split into words: {error}.", "Close every quote.") from error


def _variables(text: str) -> dict[str, str]:
    variables = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign or not name.isidentifier():
            raise Invalid("env", f"{line!r} is no variable.", "Write one NAME=value a line.")
        variables[name] = value
    return variables
