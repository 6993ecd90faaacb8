"""`docs/states.md`, printed from the tables of states: `python -m server.domain.states_page > docs/states.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from server.domain.states import (
    CHANGE_MOVES,
    CHECK_MOVES,
    LANDING_MOVES,
    QUESTION_MOVES,
    RUN_MOVES,
    TASK_MOVES,
    TURNS,
    ChangeState,
    State,
    words,
)
from server.domain.trouble import Trouble

HEAD = """\
# States

Printed by `python -m server.domain.states_page` from `server/domain/states.py`; a test fails when the two differ.
What the things are is in the [glossary](glossary.md).

A thing begins in the first state of its table. It moves by a method of its own, which allows no other move than these,
and each move writes its event in the same transaction. A state that leads nowhere is the end."""

THINGS: Mapping[str, Mapping[Any, frozenset[Any]]] = {
    "Task": TASK_MOVES,
    "Change": CHANGE_MOVES,
    "Run": RUN_MOVES,
    "Check": CHECK_MOVES,
    "Landing": LANDING_MOVES,
    "Question": QUESTION_MOVES,
}


def page() -> str:
    """The whole page, as markdown that ends with a line break."""
    sections = [HEAD, *("\n".join(_section(thing, moves)) for thing, moves in THINGS.items()), "\n".join(_troubles())]
    return "\n\n".join(sections) + "\n"


def _section(thing: str, moves: Mapping[State, frozenset[State]]) -> Iterator[str]:
    turns = thing == "Change"
    yield f"## {thing}"
    yield ""
    yield "| state | means | leads to |" + (" whose turn |" if turns else "")
    yield "|---|---|---|" + ("---|" if turns else "")
    for state, following in moves.items():
        leads = ", ".join(words(each) for each in moves if each in following) or "–"
        turn = f" {TURNS[state].value} |" if isinstance(state, ChangeState) else ""
        yield f"| {words(state)} | {state.meaning} | {leads} |{turn}"


def _troubles() -> Iterator[str]:
    yield "## Why a run failed"
    yield ""
    yield "Not states: a failed run carries the name of its trouble, where it is the agent's or its model's."
    yield ""
    yield "| trouble | means | next step |"
    yield "|---|---|---|"
    for trouble in Trouble:
        yield f"| {words(trouble)} | {trouble.meaning} | {trouble.step} |"


if __name__ == "__main__":
    sys.stdout.write(page())
