"""Conversations that go on: in the same session, or with the whole story in a new one."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import pytest

from server.agents import acp
from server.agents.command import CommandAgent
from server.agents.protocol import AgentSpec, Quirk
from server.domain.base import now
from tests.agents.conftest import SPEAK, Place, scripted

# Speaks Claude Code's stream. Its first argument is "new", or the session to go on with.
TALKER = """
import json, pathlib, sys
def say(**event): print(json.dumps(event), flush=True)
how, prompt = sys.argv[1], sys.stdin.read()
if how == "lost":
    print("No conversation found with session ID: lost", file=sys.stderr); sys.exit(1)
session = "s-new" if how == "new" else how
say(type="system", subtype="init", session_id=session)
if how == "breaks":
    say(type="assistant", message={"content": [{"type": "text", "text": "On it."}]})
    sys.exit(3)
say(type="assistant", message={"content": [{"type": "text", "text": f"{how}: {prompt}"}]})
say(type="result", subtype="success", is_error=False, session_id=session, usage={"input_tokens": 5, "output_tokens": 7})
"""


def talker(resume: tuple[str, ...] = ("{session}",)) -> CommandAgent:
    start = (sys.executable, "-I", "-c", TALKER)
    spec = AgentSpec(
        "talker", "command", (*start, "new"), format="claude", resume=(*start, *resume) if resume else (), tokens="turn"
    )
    return CommandAgent(spec)


def test_a_first_turn_of_a_command_tells_the_name_of_its_conversation(place: Place) -> None:
    met: list[str] = []
    outcome = place.turn(talker(), "hello", meet=met.append)
    assert (outcome.state, outcome.summary, outcome.session) == ("succeeded", "new: hello", "s-new")
    assert outcome.continued is None
    assert met == ["s-new"]


def test_a_command_goes_on_with_its_conversation(place: Place) -> None:
    outcome = place.turn(talker(), "more", session="s-7", fallback="the whole story")
    assert (outcome.summary, outcome.session, outcome.continued) == ("s-7: more", "s-7", True)
    assert place.said("notice") == []


def test_a_command_whose_conversation_is_lost_is_told_the_whole_story(place: Place) -> None:
    outcome = place.turn(talker(), "more", session="lost", fallback="the whole story")
    assert (outcome.state, outcome.summary) == ("succeeded", "new: the whole story")
    assert (outcome.session, outcome.continued) == ("s-new", False)
    [notice] = place.said("notice")
    assert "could not be continued (talker ended with exit code 1: No conversation found" in notice


def test_a_command_that_can_not_continue_is_told_the_whole_story_at_once(place: Place) -> None:
    outcome = place.turn(talker(resume=()), "more", session="s-7", fallback="the whole story")
    assert (outcome.summary, outcome.continued) == ("new: the whole story", False)


def test_a_command_without_another_story_is_told_what_is_asked(place: Place) -> None:
    assert place.turn(talker(resume=()), "more", session="s-7").summary == "new: more"


def test_a_conversation_that_went_on_and_failed_is_not_begun_anew(place: Place) -> None:
    """What it did is in the tree: told the whole story, it would do it twice."""
    outcome = place.turn(talker(), "more", session="breaks", fallback="the whole story")
    assert (outcome.state, outcome.continued, outcome.session) == ("failed", True, "breaks")
    assert outcome.error == "talker ended with exit code 3."


@pytest.mark.parametrize(
    ("session", "loads", "continued"), [(None, True, None), ("s1", True, True), ("s0", False, False)]
)
def test_whether_a_conversation_went_on_is_told(
    place: Place, session: str | None, loads: bool, continued: bool | None
) -> None:
    program = f"""{SPEAK}
greet(load={loads}); o = ask(); answer(o, {{"sessionId": "s1"}} if o["method"] == "session/new" else {{}})
m = ask(); text("hello"); answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    met: list[str] = []
    outcome = place.turn(scripted(program), session=session, fallback="all", meet=met.append)
    assert (outcome.continued, outcome.session) == (continued, "s1")
    assert met == ["s1"]


def test_the_name_of_a_conversation_is_known_before_the_agent_begins(place: Place) -> None:
    """By it the conversation outlives the death of everybody in it."""
    met: list[str] = []
    outcome = place.turn(scripted(f"{SPEAK}\nbegin(); os.kill(os.getpid(), signal.SIGKILL)"), meet=met.append)
    assert (outcome.state, met) == ("failed", ["s1"])


LOADS = f"""{SPEAK}
greet(load=True); answer(ask(), {{}})
m = ask(); text("on"); answer(m, {{"stopReason": "end_turn"}}); ask()
"""


@pytest.mark.parametrize(
    ("quirky", "minutes", "waits"), [(True, 0, True), (True, 2, False), (True, None, False), (False, 0, False)]
)
def test_a_session_that_breaks_while_it_is_young_is_let_age(
    place: Place, monkeypatch: pytest.MonkeyPatch, quirky: bool, minutes: int | None, waits: bool
) -> None:
    slept: list[float] = []
    right = asyncio.sleep

    async def sleep(seconds: float, *rest: object) -> None:
        if seconds > 0.5:
            slept.append(seconds)
        await right(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    quirks = frozenset({Quirk.YOUNG_SESSIONS_BREAK}) if quirky else frozenset()
    began = None if minutes is None else now() - timedelta(minutes=minutes)
    outcome = place.turn(scripted(LOADS, title="Young", quirks=quirks), session="s1", session_began=began)
    assert (outcome.summary, outcome.continued) == ("on", True)
    assert [0 < seconds <= acp.YOUNG for seconds in slept] == ([True] if waits else [])
    noticed = "Young loses a conversation that is loaded within its first minute: waiting."
    assert place.said("notice") == ([noticed] if waits else [])


def test_a_young_session_waits_no_longer_than_it_has_to(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acp, "YOUNG", 0.0)  # as if the minute were over
    agent = scripted(LOADS, quirks=frozenset({Quirk.YOUNG_SESSIONS_BREAK}))
    assert place.turn(agent, session="s1", session_began=now()).continued
    assert place.said("notice") == []
