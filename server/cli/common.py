"""What the commands share: options, the way to Narrows, and how an answer is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from server.client import Client
    from server.settings import Settings

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The folder that holds everything.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ChangeNumber = Annotated[int, typer.Argument(metavar="CHANGE", min=1)]
RevisionRead = Annotated[int | None, typer.Option("--revision", metavar="N", help="The one you read.")]

before: dict[str, Any] = {}  # the options before the command's name, which those after it overrule


def settings(data: Path | None, **flags: Any) -> Settings:
    """How this command was started, by its options and those before its name."""
    from server.settings import Settings

    given = {"data": data, **flags}
    return Settings.load({name: before.get(name) if value is None else value for name, value in given.items()})


def client(data: Path | None) -> AbstractContextManager[Client]:
    from server.client import client

    return client(settings(data))


def tell(told: Any, as_json: bool, words: Callable[[Any], str]) -> None:
    """Print an answer: for a script, or in words."""
    print(json.dumps(told, indent=2) if as_json else words(told))


def look(data: Path | None, path: str, as_json: bool, words: Callable[[Any], str], **query: Any) -> None:
    """Ask for something and print the answer."""
    with client(data) as api:
        told = api.get(path, **query)
    tell(told, as_json, words)


def in_repository(folder: Path) -> bool:
    # A file in a linked worktree; an empty folder of that name is nothing, to git as well.
    markers = [parent / ".git" for parent in (folder, *folder.parents)]
    return any(marker.is_file() or (marker / "HEAD").exists() for marker in markers)
