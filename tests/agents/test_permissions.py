"""What an agent may: by the project's permissions, by the person's word, and by nobody's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.agents.protocol import Ask, Manner, Outcome, Unanswered, Wish
from server.domain.transcript import EntryKind, folded
from server.domain.trouble import Trouble
from tests.agents.conftest import SPEAK, Place, scripted

# Wishes for each (kind, path or command) of WISHES in turn, and says what it was answered.
WISHFUL = f"""{SPEAK}
m = begin()
for number, (kind, about) in enumerate(WISHES):
    raw = {{"command": about}} if kind == "execute" else {{"path": about}}
    call = {{"toolCallId": f"c{{number}}", "title": f"{{kind}} {{about}}", "kind": kind, "rawInput": raw}}
    options = [{{"optionId": o, "name": o, "kind": o}} for o in ("allow_always", "allow_once", "reject_once")]
    send({{"id": f"q{{number}}", "method": "session/request_permission",
          "params": {{"sessionId": "s1", "toolCall": call, "options": options}}}})
    while (said := ask()).get("method"):
        if said["method"] == "session/cancel": answer(m, {{"stopReason": "cancelled"}}); sys.exit()
    outcome = said["result"]["outcome"]
    text(f"{{about}}: {{outcome.get('optionId', outcome['outcome'])}}\\n")
answer(m, {{"stopReason": STOP}}); ask()
"""


def wish(
    place: Place, *wishes: tuple[str, str], permissions: dict[str, str], ask: Ask | None = None, stop: str = "end_turn"
) -> Outcome:
    """A turn of an agent that has these wishes, and ends for the reason `stop`."""
    asking: dict[str, Any] = {"ask": ask} if ask else {}
    program = f"WISHES = {list(wishes)!r}\nSTOP = {stop!r}\n{WISHFUL}"
    return place.turn(scripted(program, title="Wishful"), permissions=permissions, **asking)


def answers(*given: bool | Unanswered) -> tuple[Ask, list[Wish]]:
    """A person who answers so, one after the other; and what they were asked."""
    asked: list[Wish] = []

    async def ask(wish: Wish) -> bool:
        answer = given[len(asked)]
        asked.append(wish)
        if isinstance(answer, Unanswered):
            raise answer
        return answer

    return ask, asked


def test_a_kind_of_tool_is_denied_and_the_others_stay_within_the_worktree(place: Place) -> None:
    wishes = (("edit", "a.py"), ("execute", "make"), ("fetch", "x"), ("execute", "cat /etc/passwd"))
    outcome = wish(place, *wishes, permissions={"edit": "deny", "fetch": "deny", "execute": "allow"})
    assert outcome.state == "succeeded"
    assert place.said("text") == [
        "a.py: reject_once",
        "make: allow_once",
        "x: reject_once",
        "cat /etc/passwd: reject_once",
    ]
    assert place.said("permission") == [
        "edit a.py: refused: this project allows no edit",
        "execute make: allowed",
        "fetch x: refused: this project allows no fetch",
        "execute cat /etc/passwd: refused: the command names /etc/passwd, which is outside the worktree",
    ]


def test_the_person_is_asked_for_what_the_project_asks_for_and_for_nothing_else(place: Place) -> None:
    ask, asked = answers(True, False)
    wishes = (("edit", "a.py"), ("execute", "make"), ("execute", "cat /etc/passwd"))
    outcome = wish(place, *wishes, permissions={"execute": "ask"}, ask=ask)
    assert outcome.state == "succeeded"
    assert asked == [
        Wish("execute", "execute make", "make"),
        Wish("execute", "execute cat /etc/passwd", "cat /etc/passwd"),
    ]
    assert place.said("text") == ["a.py: allow_once", "make: allow_once", "cat /etc/passwd: reject_once"]
    told = [(entry.title, entry.state, entry.text) for entry in folded(place.told(EntryKind.QUESTION))]
    assert told[1:] == [("execute make", "allowed", "by you"), ("execute cat /etc/passwd", "refused", "by you")]
    assert [entry.state for entry in place.told(EntryKind.QUESTION)] == [
        "allowed",
        "open",
        "allowed",
        "open",
        "refused",
    ], "that it waits is told before the answer"


def test_a_wish_names_the_paths_that_it_is_about(place: Place) -> None:
    ask, asked = answers(True)
    wish(place, ("edit", "a.py"), permissions={"edit": "ask"}, ask=ask)
    assert asked == [Wish("edit", "edit a.py", "a.py")]


def test_where_nobody_answers_the_turn_is_over_and_the_conversation_is_kept(place: Place) -> None:
    ask, asked = answers(Unanswered("too late"))
    outcome = wish(place, ("execute", "make"), ("execute", "make install"), permissions={"execute": "ask"}, ask=ask)
    assert len(asked) == 1
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.UNANSWERED)
    assert outcome.error == "Wishful asked, and nobody answered."
    assert outcome.session == "s1", "the answer goes on from there"


def test_an_agent_that_ends_normally_without_its_answer_has_not_succeeded(place: Place) -> None:
    ask, _ = answers(Unanswered())
    outcome = wish(place, ("execute", "make"), permissions={"execute": "ask"}, ask=ask)
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.UNANSWERED)


def test_an_agent_that_gives_up_when_it_is_refused_says_over_what(place: Place) -> None:
    outcome = wish(place, ("edit", "a.py"), permissions={"edit": "deny"}, stop="cancelled")
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.REFUSED)
    assert outcome.error == "Wishful gave up when it was refused: edit a.py (this project allows no edit)."


def test_a_stop_while_the_person_is_asked_does_not_wait_for_the_answer(place: Place) -> None:
    async def never(_wish: Wish) -> bool:
        await asyncio.Event().wait()
        return True

    program = f"WISHES = [('execute', 'make')]\nSTOP = 'end_turn'\n{WISHFUL}"
    outcome = place.turn(
        scripted(program),
        permissions={"execute": "ask"},
        ask=never,
        stop_when=lambda update: update.kind == "permission",
    )
    assert outcome.state == "stopped"


def test_where_nobody_can_be_asked_the_answer_is_no(place: Place) -> None:
    assert wish(place, ("execute", "make"), permissions={"execute": "ask"}).state == "succeeded"
    assert place.said("text") == ["make: reject_once"]


@pytest.mark.parametrize(
    ("permissions", "mode"),
    [
        ({}, "free"),
        ({"edit": "allow"}, "free"),
        ({"edit": "allow", "execute": "ask"}, "asking"),
        ({"fetch": "deny"}, "asking"),
    ],
)
def test_it_is_made_to_ask_only_where_something_is_not_allowed(
    place: Place, permissions: dict[str, str], mode: str
) -> None:
    program = f"""{SPEAK}
greet(); answer(ask(), {{"sessionId": "s1"}})
m = ask(); answer(m, {{}}); p = ask(); text(m["params"]["modeId"])
answer(p, {{"stopReason": "end_turn"}}); ask()
"""
    agent = scripted(program, free=Manner(mode="free"), asking=Manner(mode="asking"))
    assert place.turn(agent, permissions=permissions).summary == mode
