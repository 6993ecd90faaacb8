"""Landings: asked for, taken back, and what they prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server import plain_text
from server.cli import common
from server.cli.changes import revision_read
from server.cli.common import ChangeNumber, Data, Json, RevisionRead
from server.domain.errors import NarrowsError, Unavailable

if TYPE_CHECKING:
    from server.client import Client

LandingNumber = Annotated[int, typer.Argument(metavar="LANDING", min=1)]


def land(
    change: ChangeNumber,
    message: Annotated[str | None, typer.Option("-m", "--message", help="The commit's message.")] = None,
    revision: RevisionRead = None,
    acknowledge: Annotated[list[str] | None, typer.Option("--acknowledge", metavar="HASH", help="A warning's.")] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="squash|merge|rebase", help="How; else as the project says.")
    ] = None,
    insist: Annotated[str, typer.Option("--insist", metavar="REASON", help="Why, although a check is red.")] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Don't wait for its end.")] = False,
    data: Data = None,
) -> None:
    """Put a change on its target branch, and wait until it is there."""
    with common.client(data) as api:
        api.need_server()
        landing = api.post(
            f"changes/{change}/landing",
            revision=revision_read(api, change, revision),
            message=message,
            method=method,
            acknowledge=acknowledge,
            insist=insist,
        )
        if not no_wait:
            landing = _settled(api, landing["id"])
    match landing["state"]:
        case "landed":
            print(f"Landed on {plain_text.line(landing['where'])} as {landing['commit'][:12]}.")
            for said in filter(None, (landing["note"], landing["pull_request"])):
                print(plain_text.line(said))
            print(f"Take it back with: narrows undo {landing['id']}")
        case "queued" | "running":
            print(f"Landing {landing['id']} is under way.")
        case _:
            raise NarrowsError(landing["error"] or f"Landing {landing['id']} was {landing['state']}.")


def _settled(api: Client, landing: int) -> Any:
    """The landing once nothing moves any more: it has ended, or been taken back.

    Raises:
        Unavailable: Nobody is there to move it.
    """

    def look() -> Any | None:
        told = api.get(f"landings/{landing}")
        if told["why"]:
            raise Unavailable(f"Landing {landing} waits. {told['why']}")
        return None if told["state"] in ("queued", "running") or told["undo_asked"] else told

    return api.until(look, "landing")


def undo(landing: LandingNumber, data: Data = None) -> None:
    """Take a landing back; its change returns to the desk."""
    with common.client(data) as api:
        api.need_server()
        told = api.delete(f"landings/{landing}")
        if told["undo_asked"]:
            told = _settled(api, landing)
    match told["state"]:
        case "undone":
            branch = plain_text.line(told["topic"] or told["target_branch"])
            print(f"Undone: {branch} is at {told['undo_commit'][:12]}.")
            if told["note"]:
                print(plain_text.line(told["note"]))
        case "cancelled":
            print("Taken out of the landing line; nothing had moved.")
        case _:
            raise NarrowsError(told["error"] or f"Landing {landing} is {told['state']}.")


def receipt(landing: LandingNumber, data: Data = None, as_json: Json = False) -> None:
    """What a landing proves: what was read, what was tested, what landed."""
    common.look(data, f"landings/{landing}/receipt", as_json, plain_text.receipt)
