"""Questions: what agents ask to be allowed."""

from __future__ import annotations

from typing import Annotated

import typer

from server import plain_text
from server.cli import common
from server.cli.common import Data


def answer(
    question: Annotated[int, typer.Argument(metavar="QUESTION", min=1)],
    allow: Annotated[bool, typer.Option("--allow/--refuse", help="Whether the agent may.")],
    whole_run: Annotated[
        bool, typer.Option("--whole-run", help="For every wish with the same kind of tool in its run.")
    ] = False,
    data: Data = None,
) -> None:
    """Answer what an agent asks to be allowed; `narrows show` says what that is."""
    with common.client(data) as api:
        api.need_server()
        told = api.post(f"questions/{question}/answer", allowed=allow, whole_run=whole_run)
    print(f"{told['state'].capitalize()}: {plain_text.line(told['detail'] or told['title'])}")
