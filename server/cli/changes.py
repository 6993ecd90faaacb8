"""Changes: what waits on the desk, and all that is done with one but landing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server import plain_text
from server.cli import common
from server.cli.common import ChangeNumber, Data, Json, RevisionRead
from server.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from server.client import Client


def desk(data: Data = None, as_json: Json = False) -> None:
    """What waits to be read, first to read first."""
    common.look(data, "desk", as_json, plain_text.desk)


def show(
    change: ChangeNumber,
    diff: Annotated[bool, typer.Option("--diff", help="The newest revision's exact patch instead.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """One change: what its agent says, checks, comments, what stands against landing it."""
    with common.client(data) as api:
        told = api.get(f"changes/{change}")
        patch = api.get_bytes(f"changes/{change}/revisions/{_newest(told)}.patch") if diff else b""
    if not diff:
        common.tell(told, as_json, plain_text.change)
    elif sys.stdout.isatty():
        print(plain_text.safe(patch.decode("utf-8", "backslashreplace")), end="")
    else:
        sys.stdout.buffer.write(patch)
        sys.stdout.buffer.flush()


def _newest(change: dict[str, Any]) -> int:
    if not change["revisions"]:
        raise NotFound(f"Change {change['id']} has no revision yet.", "Its agent is at work; see `narrows tasks`.")
    return int(change["revisions"][-1]["number"])


def revision_read(api: Client, change: int, named: int | None) -> int:
    """The number of the revision that a verdict is on: the one that was named, or the newest.

    Raises:
        NotFound: There is no such change, or it has no revision yet.
    """
    return named or _newest(api.get(f"changes/{change}"))


def rebase(change: ChangeNumber, revision: RevisionRead = None, data: Data = None) -> None:
    """Bring a change onto its target branch as that is now, as its next revision."""
    with common.client(data) as api:
        made = api.post(f"changes/{change}/rebase", revision=revision_read(api, change, revision))
    print(f"#{change} is up to date: revision {made['number']} stands on {made['base'][:12]}.")


def send_back(
    change: ChangeNumber,
    message: Annotated[str, typer.Option("-m", "--message", help="What should be different.")] = "",
    revision: RevisionRead = None,
    data: Data = None,
) -> None:
    """Send a change back to its agent, with the message and every drafted comment."""
    if not message.strip():
        raise Invalid("message", "Say what should be different.", f"narrows send-back {change} -m TEXT")
    with common.client(data) as api:
        read = revision_read(api, change, revision)
        api.post(f"changes/{change}/reviews", revision=read, verdict="request_changes", message=message)
        later = "" if api.running else " It starts when `narrows` runs."
    print(f"Sent #{change} back to its agent.{later}")
