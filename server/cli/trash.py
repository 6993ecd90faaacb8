"""The trash: seen, had back, emptied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from server import plain_text
from server.cli import common
from server.cli.common import Data, Json

app = typer.Typer(help="What was put away, and having it back.", invoke_without_command=True, rich_markup_mode=None)
Thing = Annotated[int, typer.Argument(metavar="NUMBER", min=1)]


@app.callback()
def show_all(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """Abandoned changes, and what stood in worktrees in no revision."""
    if context.invoked_subcommand is None:
        common.look(data, "trash", as_json, plain_text.trash)


@app.command()
def restore(
    thing: Thing,
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="A folder that is not there yet.")] = None,
    data: Data = None,
) -> None:
    """Have it back: a change on the desk, files as their change's next revision, or with --to in a folder."""
    with common.client(data) as api:
        folder = str(to.expanduser().absolute()) if to else None
        told = api.post(f"trash/{thing}/restoration", to=folder)
    print(plain_text.line(_where(told)))


def _where(told: dict[str, Any]) -> str:
    if told["project"]:
        return f"Project {told['project']} is registered again."
    return f"Written to {told['folder']}." if told["folder"] else f"It is in change #{told['change']['id']} now."


@app.command()
def remove(things: Annotated[list[int], typer.Argument(metavar="NUMBER…", min=1)], data: Data = None) -> None:
    """Remove things from the trash for good."""
    with common.client(data) as api:
        for thing in things:
            api.delete(f"trash/{thing}")
            print(f"Removed {thing}.")
