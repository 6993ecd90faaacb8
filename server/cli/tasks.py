"""Tasks: filed and listed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server import plain_text
from server.cli import common
from server.cli.common import Data, Json
from server.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from server.client import Client


def add(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="In one line: what should be different.")],
    brief: Annotated[
        str | None, typer.Option("--brief", metavar="FILE", help="Markdown; - reads standard input.")
    ] = None,
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE", help="What goes in and what comes out, likewise.")
    ] = None,
    done_when: Annotated[
        str | None, typer.Option("--done-when", metavar="FILE", help="How it is seen that it is done, likewise.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="K", help="directed, maintenance, research, …")] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="A", help="An agent's name.")] = None,
    also: Annotated[
        list[str] | None, typer.Option("--also", metavar="A", help="A further agent that tries it too; repeatable.")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="P", help="Number, name or path.")] = None,
    priority: Annotated[int | None, typer.Option("--priority", metavar="N", help="Higher goes first.")] = None,
    after: Annotated[
        list[int] | None, typer.Option("--after", metavar="TASK", help="Start after it; repeatable.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """File a task for the repository around this folder, or for --project."""
    texts = {"brief": brief, "examples": examples, "done_when": done_when}
    if list(texts.values()).count("-") > 1:
        raise Invalid("brief", "Standard input can be only one of them.", "Name files for the others.")
    read = {field: _read(field, file) for field, file in texts.items() if file is not None}
    with common.client(data) as api:
        filed = api.post(
            "tasks",
            project_id=_project(api, project),
            title=title,
            **read,
            kind=kind,
            agent=agent,
            rivals=also,
            priority=priority,
            after=after,
        )
        if as_json:
            print(json.dumps(filed, indent=2))
            return
        print(f"Filed #{filed['id']}: {plain_text.line(filed['title'])}")
        print(plain_text.line(filed["why"]) if api.running else "It starts when `narrows` runs.")


def _read(field: str, file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise Invalid(field, f"{file} can't be read: {error.strerror}.", "Name a text file, or -.") from error
    except UnicodeDecodeError as error:
        raise Invalid(field, f"{file} is not UTF-8 text.") from error


def _project(api: Client, wanted: str | None) -> int:
    """The number of the project meant: the one named, the one around this folder, or the only one there is."""
    if wanted is None and common.in_repository(Path.cwd()):
        return int(api.post("projects", path=str(Path.cwd()))["id"])
    known = api.get("projects")
    if wanted is None:
        if len(known) == 1:
            return int(known[0]["id"])
        raise Invalid("project", "Which project?", "Name it with --project, or run this inside its repository.")
    path = str(Path(wanted).expanduser().resolve())
    fitting = [one["id"] for one in known if wanted in (str(one["id"]), one["name"]) or path == one["path"]]
    if len(fitting) == 1:
        return int(fitting[0])
    if fitting:
        raise NotFound(f"Several projects are called {wanted!r}.", "Name it by its number or path.")
    raise NotFound(f"No project is called {wanted!r}.", "`narrows` inside its repository registers it.")


def show_all(
    state: Annotated[str, typer.Option("--state", metavar="S", help="open, done, dropped or all.")] = "open",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tasks, newest first, and where each one stands."""
    only = {} if state == "all" else {"state": state}
    common.look(data, "tasks", as_json, plain_text.tasks, limit=limit, **only)
