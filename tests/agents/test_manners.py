"""What the wishes of a turn add to an agent's start: words, variables, modes, and what the protocol calls `_meta`."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from server.agents.command import CommandAgent
from server.agents.protocol import AgentSpec, Manner
from server.agents.starting import command_line
from tests.agents.conftest import SPEAK, Place, scripted

MANNERS: dict[str, Any] = {
    "free": Manner(argv=("--free",), env={"ASKS": "no"}),
    "asking": Manner(argv=("--asking",), env={"ASKS": "yes"}),
    "users_settings": Manner(
        argv=("--only", "user"), env={"TRUST": "no"}, meta={"acme": {"options": {"sources": ["user"]}}}
    ),
    "all_settings": Manner(env={"TRUST": "yes"}, meta={"acme": {"options": {"sources": ["user", "project"]}}}),
}
TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('ASKS'), os.environ.get('TRUST')]))"


def sent(place: Place, method: str) -> list[dict[str, Any]]:
    """The parameters of what we asked."""
    messages = [json.loads(line[2:]) for line in place.stream if line.startswith("> ")]
    return [message["params"] for message in messages if message.get("method") == method]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, [["-x", "--free", "-y"], "no", "yes"]),
        ({"permissions": {"edit": "ask"}}, [["-x", "--asking", "-y"], "yes", "yes"]),
        ({"repository_config": False}, [["-x", "--free", "--only", "user", "-y"], "no", "no"]),
        (
            {"repository_config": False, "permissions": {"edit": "deny"}},
            [["-x", "--asking", "--only", "user", "-y"], "yes", "no"],
        ),
    ],
)
def test_a_command_is_started_in_the_manner_of_its_turn(
    place: Place, wishes: dict[str, Any], expected: list[Any]
) -> None:
    argv = (sys.executable, "-I", "-c", TELL, "-x", "{flags}", "-y")
    outcome = place.turn(CommandAgent(AgentSpec("acme", "command", argv, **MANNERS)), **wishes)
    assert json.loads(outcome.summary) == expected


@pytest.mark.parametrize(
    ("wishes", "flag"),
    [
        ({}, "--free"),
        ({"confined": True}, "--confined"),
        ({"confined": True, "permissions": {"edit": "ask"}}, "--asking"),
    ],
)
def test_a_sandbox_of_its_own_makes_room_for_ours(place: Place, wishes: dict[str, Any], flag: str) -> None:
    argv = (sys.executable, "-I", "-c", TELL)
    confined = Manner(argv=("--confined",))
    spec = AgentSpec("acme", "command", argv, free=MANNERS["free"], asking=MANNERS["asking"], confined=confined)
    assert json.loads(place.turn(CommandAgent(spec), **wishes).summary)[0] == [flag]


def test_an_agent_that_can_not_ask_is_started_as_ever(place: Place) -> None:
    spec = AgentSpec("acme", "command", (sys.executable, "-I", "-c", TELL), free=MANNERS["free"])
    assert json.loads(place.turn(CommandAgent(spec), permissions={"edit": "ask"}).summary) == [["--free"], "no", None]


@pytest.mark.parametrize(("trusted", "sources"), [(True, ["user", "project"]), (False, ["user"])])
@pytest.mark.parametrize("session", [None, "s1"])
def test_whose_settings_count_is_said_when_a_session_is_opened(
    place: Place, session: str | None, trusted: bool, sources: list[str]
) -> None:
    program = f"""{SPEAK}
greet(load=True); o = ask(); answer(o, {{"sessionId": "s1"}} if o["method"] == "session/new" else {{}})
m = ask(); text(o["method"] + " " + json.dumps([sys.argv[1:], o["params"].get("_meta"), os.environ.get("TRUST")]))
answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    outcome = place.turn(scripted(program, **MANNERS), session=session, repository_config=trusted)
    method, _, told = outcome.summary.partition(" ")
    assert method == ("session/load" if session else "session/new")
    flags = ["--free"] if trusted else ["--free", "--only", "user"]
    assert json.loads(told) == [flags, {"acme": {"options": {"sources": sources}}}, "yes" if trusted else "no"]


def test_what_is_told_only_to_those_who_ask_is_asked_for(place: Place) -> None:
    program = f"""{SPEAK}
g = ask(); answer(g, {{"protocolVersion": 1}}); answer(ask(), {{"sessionId": "s1"}})
m = ask(); text("hello"); answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    greeting = {"acme": {"air": {"version": 1, "capabilities": ["failures"]}}}
    assert place.turn(scripted(program, greeting=greeting)).state == "succeeded"
    [greeted] = sent(place, "initialize")
    assert greeted["clientCapabilities"]["_meta"] == greeting


def test_a_stream_holds_both_directions_as_they_were(place: Place) -> None:
    program = f"{SPEAK}\nm = begin(); print('not json'); text('hello'); answer(m, {{'stopReason': 'end_turn'}}); ask()"
    place.turn(scripted(program), "Grüße")
    assert {line[:2] for line in place.stream} == {"> ", "< "}
    said = [json.loads(line[2:]) for line in place.stream if line != "< not json"]
    assert [message["method"] for message in said if "id" in message and "method" in message] == [
        "initialize",
        "session/new",
        "session/prompt",
    ]
    [prompt] = sent(place, "session/prompt")
    assert prompt["prompt"] == [{"type": "text", "text": "Grüße"}]
    assert "< not json" in place.stream
    assert said[-1]["result"] == {"stopReason": "end_turn"}


def test_a_commands_output_is_kept_as_it_was(place: Place) -> None:
    place.turn(CommandAgent(AgentSpec("acme", "command", ("/bin/sh", "-c", "printf '\\033[1mone\\033[0m\\n'"))))
    assert place.stream == ["\x1b[1mone\x1b[0m"]


def test_words_in_braces_are_replaced_and_nothing_within_a_word() -> None:
    manner = Manner(argv=("-a", "-b"))
    values = {"prompt": "say {flags}; {session}", "session": "s-1"}
    assert command_line(("p", "{flags}", "{prompt}", "--s={session}", "{session}"), manner, **values) == (
        *("p", "-a", "-b", "say {flags}; {session}", "--s={session}", "s-1"),
    )
    assert command_line(("p", "x"), manner) == ("p", "x", "-a", "-b")
    assert command_line(("p", "{flags}", "x"), Manner()) == ("p", "x")


ARGUMENTS = "import sys; sys.stdout.write('|'.join([*sys.argv[1:], sys.stdin.read()]))"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{prompt}",), "Grüße\n; $(x)|"),
        (("-f", "{prompt_file}"), "-f|{folder}/prompt.md|"),
        (("-",), "-|Grüße\n; $(x)"),
    ],
)
def test_the_prompt_comes_in_the_one_way_that_the_command_line_says(
    place: Place, words: tuple[str, ...], told: str
) -> None:
    spec = AgentSpec("acme", "command", (sys.executable, "-I", "-c", ARGUMENTS, *words))
    outcome = place.turn(CommandAgent(spec), "Grüße\n; $(x)")
    assert outcome.summary == told.format(folder=place.folder)
    assert (place.folder / "prompt.md").read_text() == "Grüße\n; $(x)"
