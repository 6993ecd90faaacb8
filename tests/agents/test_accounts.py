"""What agents say that they used, wherever and however they say it, under one set of names."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from server.agents.accounts import of_export
from server.agents.acp import AcpAgent
from server.agents.protocol import AgentSpec, Outcome, Quirk
from server.domain.transcript import EntryKind
from tests.agents.conftest import SPEAK, Place, scripted


def turn(place: Place, deeds: str, answer: dict[str, Any], **spec: Any) -> Outcome:
    program = f"{SPEAK}\nm = begin()\ntext('hello')\n{deeds}\nanswer(m, {answer | {'stopReason': 'end_turn'}}); ask()"
    return place.turn(scripted(program, **spec))


USAGE = {"inputTokens": 100, "outputTokens": 5, "cachedReadTokens": 30, "cachedWriteTokens": 7, "thoughtTokens": 2}


def test_the_answer_tells_it(place: Place) -> None:
    outcome = turn(place, "", {"usage": {**USAGE, "totalTokens": 144}})
    assert outcome.usage == {"input": 100, "output": 5, "cache_read": 30, "cache_write": 7, "reasoning": 2}
    [entry] = place.told(EntryKind.USAGE)
    assert entry.usage == outcome.usage


def test_what_came_from_the_cache_is_taken_out_where_it_is_counted_twice(place: Place) -> None:
    outcome = turn(place, "", {"usage": {**USAGE, "totalTokens": 144}}, quirks=frozenset({Quirk.INPUT_HOLDS_CACHE}))
    assert (outcome.usage["input"], outcome.usage["cache_read"]) == (70, 30)


def test_the_margin_of_the_answer_tells_it(place: Place) -> None:
    meta = {"quota": {"token_count": {"input_tokens": 4936, "output_tokens": 224}, "model_usage": []}}
    assert turn(place, "", {"_meta": meta}).usage == {"input": 4936, "output": 224}


def test_each_request_tells_its_own_in_the_margin_of_a_word(place: Place) -> None:
    counts = {"inputTokens": 1234, "outputTokens": 56, "totalTokens": 1290, "thoughtTokens": 7, "cachedReadTokens": 300}
    update = {
        "sessionUpdate": "agent_message_chunk",
        "content": {"type": "text", "text": ""},
        "_meta": {"usage": counts, "durationMs": 3},
    }
    outcome = turn(place, f"for _ in range(4): tell({update})", {}, quirks=frozenset({Quirk.INPUT_HOLDS_CACHE}))
    assert outcome.usage == {"input": 4936 - 1200, "output": 224, "reasoning": 28, "cache_read": 1200}


def test_a_conversation_that_is_told_again_is_not_counted_again(place: Place) -> None:
    update = {
        "sessionUpdate": "agent_message_chunk",
        "content": {"type": "text", "text": "old"},
        "_meta": {"usage": {"inputTokens": 1000, "outputTokens": 1000}},
    }
    cost = {"sessionUpdate": "usage_update", "used": 5, "size": 9, "cost": {"amount": 0.5, "currency": "EUR"}}
    program = f"""{SPEAK}
greet(load=True); m = ask(); tell({update}); answer(m, {{}})
m = ask(); text("new"); tell({cost}); answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    assert place.turn(scripted(program), session="s1").usage == {"cost": 0.5, "currency": "EUR"}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"usage": None, "_meta": {"quota": {"token_count": None}}},
        {"_meta": {"quota": "much"}},
        {"_meta": {"quota": {"token_count": {"input_tokens": -1, "output_tokens": True, "x": 1}}}},
    ],
)
def test_what_is_not_told_is_unknown_and_not_nothing(place: Place, answer: dict[str, Any]) -> None:
    outcome = turn(place, "", answer)
    assert (outcome.state, outcome.usage) == ("succeeded", {})
    assert place.told(EntryKind.USAGE) == []


EXPORT = {
    "info": {"cost": 0.25, "tokens": {"input": 10, "output": 2, "reasoning": 1, "cache": {"read": 3, "write": 0}}}
}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            json.dumps(EXPORT),
            {"input": 10, "output": 3, "reasoning": 1, "cache_read": 3, "cache_write": 0, "cost": 0.25},
        ),
        ("", {}),
        ("Exporting", {}),
        ("[1]", {}),
        ('{"info": {"tokens": {"input": 1}}}', {}),
        ('{"info": {"tokens": {"input": -1, "output": "2", "cache": {}}, "cost": "free"}}', {}),
    ],
)
def test_an_export_of_a_session_tells_it(said: str, found: dict[str, Any]) -> None:
    assert {name: value for name, value in of_export(said).items() if name != "currency"} == found


def exporter(script: str) -> AcpAgent:
    cost = {"sessionUpdate": "usage_update", "used": 5, "size": 9, "cost": {"amount": 0.5, "currency": "USD"}}
    program = f"{SPEAK}\nm = begin(); text('x'); tell({cost}); answer(m, {{'stopReason': 'end_turn'}}); ask()"
    argv = (sys.executable, "-I", "-c", program)
    usage_argv = (sys.executable, "-I", "-c", script, "{session}")
    return AcpAgent(
        AgentSpec("acme", "acp", argv, usage_argv=usage_argv, tokens="session", cost="session"), farewell=0.3
    )


def test_another_program_tells_what_the_session_used(place: Place) -> None:
    script = f"import sys; assert sys.argv[1] == 's1'; print({json.dumps(EXPORT)!r})"
    assert place.turn(exporter(script)).usage["input"] == 10


def test_without_that_program_the_cost_is_still_known(place: Place) -> None:
    assert place.turn(exporter("raise SystemExit(1)")).usage == {"cost": 0.5, "currency": "USD"}
