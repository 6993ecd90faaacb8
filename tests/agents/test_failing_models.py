"""Agents whose model fails: that they try again is heard wherever they tell it, and is not waited for without end."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import pytest

from server.agents import retries
from server.agents.command import CommandAgent
from server.agents.protocol import AgentSpec, Outcome
from server.agents.retries import failure_in
from server.domain.base import now
from server.domain.trouble import Trouble
from tests.agents.conftest import SPEAK, Place, scripted

FAIL = """
def told(meta): tell({"sessionUpdate": "session_info_update", "_meta": meta})
def typed(severity, title, category="service"):
    failure = {"id": "f", "revision": 1, "category": category, "severity": severity, "title": title, "actions": []}
    return {"acme": {"air": {"sessionFailure": failure}}}
def codex(message, details=None):
    return {"codex": {"error": {"message": message, "additionalDetails": details, "willRetry": True}}}
def warn(line): print(line, file=sys.stderr, flush=True)
"""
TRIES = {
    "a typed warning": 'told(typed("warning", "Retrying Acme, attempt 1 of 4. 529 overloaded"))',
    "codex's own words": 'told(codex("Reconnecting... 1/5", "529 overloaded"))',
    "a line of standard error": "warn('level=ERROR message=\"stream error\" 529 overloaded')\nwarn('other')",
    "a side door": "open(os.environ['ACME_LOG'], 'a').write('[WARN] Attempt 1 failed: 529 overloaded\\n')",
}
SPEC: dict[str, Any] = {
    "title": "Acme",
    "retrying": r"Attempt \d+ failed|stream error",
    "errors_to": "ACME_LOG",
    "tokens": "turn",
}


def turn(place: Place, deeds: str, **wishes: Any) -> Outcome:
    return place.turn(scripted(f"{SPEAK}\n{FAIL}\nm = begin()\n{deeds}", **SPEC), **wishes)


@pytest.mark.parametrize("said", TRIES.values(), ids=TRIES)
def test_a_try_that_failed_is_told_to_who_watches(place: Place, said: str) -> None:
    """And the agent is stopped by nothing else than that it was heard."""
    outcome = turn(place, f"{said}\ntime.sleep(600)", stop_when=lambda update: update.kind == "notice")
    assert outcome.state == "stopped"
    [notice, _] = place.said("notice")
    assert notice.startswith("Its model fails, it tries again: ")
    assert "529 overloaded" in notice


@pytest.mark.parametrize("said", TRIES.values(), ids=TRIES)
def test_an_agent_that_only_ever_tries_again_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.2)
    outcome = turn(place, f"{said}\ntime.sleep(600)")
    assert (outcome.state, outcome.trouble, outcome.session) == ("failed", Trouble.MODEL, "s1")
    assert outcome.error.startswith("Acme: ")
    assert "529 overloaded" in outcome.error
    assert not (place.folder / "errors").exists(), "the side door is taken away"


def test_the_same_words_are_told_once_and_the_clock_runs_from_the_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.5)
    outcome = turn(place, "while True: warn('stream error: connect ECONNREFUSED'); time.sleep(0.05)")
    assert outcome.trouble is Trouble.UNREACHABLE
    assert place.said("notice") == [
        "Its model fails, it tries again: stream error: connect ECONNREFUSED",
        "Acme: stream error: connect ECONNREFUSED",
    ]


def test_a_model_that_answers_after_all_is_no_trouble(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the patience may be, once it answered."""
    monkeypatch.setattr(retries, "PATIENCE", 0.3)
    used = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
    deeds = "told(codex('Reconnecting... 1/5')); text('here I am'); time.sleep(0.8)\n"
    outcome = turn(place, f"{deeds}answer(m, {{'stopReason': 'end_turn', 'usage': {used}}}); ask()")
    assert (outcome.state, outcome.summary) == ("succeeded", "here I am")
    assert outcome.usage == {"input": 3, "output": 4}


def test_news_of_the_session_are_no_answer_of_the_model(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.3)
    deeds = "told(codex('Reconnecting... waiting for network'))\n"
    outcome = turn(place, f"{deeds}while True: told({{'codex': {{'threadStatus': 'active'}}}}); time.sleep(0.05)")
    assert outcome.trouble is Trouble.UNREACHABLE


@pytest.mark.parametrize(
    ("title", "category", "trouble"),
    [
        ("It is what it is", "limit", Trouble.RATE_LIMIT),
        ("It is what it is", "service", Trouble.MODEL),
        ("It is what it is", "connection", Trouble.UNREACHABLE),
        ("It is what it is", "access", Trouble.LOGIN),
        ("It is what it is", "request", Trouble.LIMIT),
        ("It is what it is", "unknown", Trouble.MODEL),
        ("exceeded retry limit, last status: 429 Too Many Requests", "service", Trouble.RATE_LIMIT),
    ],
)
def test_a_failure_that_is_told_in_the_answer_is_believed_over_a_normal_end(
    place: Place, title: str, category: str, trouble: Trouble
) -> None:
    meta = f"typed('error', {title!r}, {category!r})"
    outcome = turn(place, f"text('half'); answer(m, {{'stopReason': 'end_turn', '_meta': {meta}}}); ask()")
    assert (outcome.state, outcome.error, outcome.trouble) == ("failed", f"Acme: {title}", trouble)


def test_a_limit_says_when_it_is_lifted(place: Place) -> None:
    meta = "typed('error', 'Rate limit reached. Try again in 20 minutes.', 'limit')"
    outcome = turn(place, f"answer(m, {{'stopReason': 'end_turn', '_meta': {meta}}}); ask()")
    assert outcome.trouble is Trouble.RATE_LIMIT
    assert outcome.resets_at is not None
    assert timedelta(minutes=15) < outcome.resets_at - now() < timedelta(minutes=25)


def test_an_error_that_is_told_as_an_answer_after_failing_tries_is_one(place: Place) -> None:
    deeds = (
        "told(codex('Reconnecting... 5/5')); text('We are at capacity.'); answer(m, {'stopReason': 'end_turn'}); ask()"
    )
    outcome = turn(place, deeds)
    assert (outcome.state, outcome.error, outcome.trouble) == ("failed", "Acme: We are at capacity.", Trouble.MODEL)


@pytest.mark.parametrize(
    "meta",
    [None, {}, {"a": 1}, {"a": {"sessionFailure": "x"}}, {"a": {"sessionFailure": {"severity": "warning"}}}, {"a": []}],
)
def test_what_is_no_failure_is_none(meta: dict[str, Any] | None) -> None:
    assert failure_in(meta, "error") == ("", "")


def test_a_failure_without_words_is_still_one() -> None:
    assert failure_in({"x": {"y": {"sessionFailure": {"severity": "error"}}}}, "error")[0] == "it does not say why"


# Commands


def command(script: str, **spec: Any) -> CommandAgent:
    return CommandAgent(AgentSpec("acme", "command", (sys.executable, "-I", "-c", script), title="Acme", **spec))


def test_a_command_that_ends_normally_with_such_words_has_failed(place: Place) -> None:
    failing = r"litellm\.\w*Error"
    outcome = place.turn(command("print('litellm.RateLimitError: 429 slow down')", failing=failing))
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.RATE_LIMIT)
    assert outcome.error == "Acme: litellm.RateLimitError: 429 slow down"
    assert place.turn(command("print('I mended it.')", failing=failing)).state == "succeeded"


def test_a_command_that_only_ever_tries_again_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.2)
    script = "import sys, time; print('Attempt 1 failed with status 401', file=sys.stderr, flush=True); time.sleep(600)"
    outcome = place.turn(command(script, retrying=r"Attempt \d+ failed"))
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.LOGIN)
    assert outcome.error == "Acme: Attempt 1 failed with status 401"


def test_a_stream_that_tells_of_tries_is_heard_and_what_answers_is_no_trouble(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.3)
    retry = {
        "type": "system",
        "subtype": "api_retry",
        "attempt": 1,
        "max_retries": 4,
        "error_status": 529,
        "error": "x",
    }
    said = {"type": "assistant", "message": {"content": [{"type": "text", "text": "Here."}]}}
    done = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s"}
    first, *rest = (json.dumps(event) for event in (retry, said, done))
    script = f"import time; print({first!r}, flush=True)"
    outcome = place.turn(command(f"{script}; time.sleep(600)", format="claude"))
    assert (outcome.state, outcome.trouble) == ("failed", Trouble.MODEL)
    assert "529" in outcome.error

    print_all = f"{script}; print({rest[0]!r}, flush=True); time.sleep(0.6); print({rest[1]!r})"
    assert place.turn(command(print_all, format="claude")).state == "succeeded"
