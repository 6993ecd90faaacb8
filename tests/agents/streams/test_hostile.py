"""Streams that mean harm, or are broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.agents.protocol import Format
from server.agents.streams.node import LINE_LIMIT, Node, read_object
from server.agents.streams.reader import KEPT_CALLS, Growing, remember
from tests.agents.streams.golden import golden
from tests.agents.streams.reading import Reading, events, read

FORMATS: tuple[Format, ...] = get_args(Format)
SAMPLES = Path(__file__).parent / "samples"
FIX = {"claude": "claude-native-fix", "codex": "codex-native-fix", "pi": "pi-fix"}

# What the formats name, so that what is made up gets past the first look at it.
KNOWN_KINDS = """
    system init assistant user result rate_limit_event tool_call started completed thinking delta thread.started
    item.started item.updated item.completed turn.completed turn.failed error agent_message reasoning
    command_execution file_change mcp_tool_call web_search todo_list session message_start message_update message_end
    text_delta tool_execution_start tool_execution_update tool_execution_end auto_retry_start tool_use tool_result
    api_retry permission_denied TodoWrite Edit Bash declined rejected success text readToolCall function
"""
KNOWN_NAMES = """
    subtype message content text session_id thread_id id item items name input tool_use_id usage input_tokens result
    tool_call assistantMessageEvent toolCallId toolName args partialResult rate_limit_info permission_denials errors
    error type output_tokens cost total total_cost_usd resetsAt status changes path kind command todos delta role
    stopReason errorMessage readToolCall shellToolCall updateTodosToolCall function arguments call_id timestamp_ms
    is_error isError query completed exitCode parent_tool_use_id attempt
"""
KINDS, NAMES = KNOWN_KINDS.split(), KNOWN_NAMES.split()
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(KINDS)
    | st.sampled_from(["\ud800", "\x1b[31m\u202e", "x" * 70_000, "--help"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)
EVENTS = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(NAMES[:24], VALUES))
LINES = (
    EVENTS.map(json.dumps)
    | VALUES.map(json.dumps)
    | st.text()
    | st.binary().map(lambda data: data.decode("utf-8", "replace"))
)
HASTY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def fresh(folder: Path) -> Path:
    path = folder / "transcript.jsonl"
    path.unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("format", FORMATS)
@HASTY
@given(lines=st.lists(LINES, max_size=12))
def test_whatever_it_says_nothing_breaks(format: Format, lines: list[str], tmp_path: Path) -> None:
    found = read(format, lines, fresh(tmp_path))
    json.dumps(found.result, allow_nan=False).encode()
    json.dumps([entry.line() for entry in found.entries]).encode()
    (found.summary + found.reader.error + (found.reader.session or "")).encode()
    assert not (found.reader.session or "").startswith("-")
    assert len(found.reader.error) <= 4096


NOISE = (
    st.text(alphabet=st.characters(exclude_characters="\n\r"))
    | VALUES.filter(lambda value: not isinstance(value, dict)).map(json.dumps)
    | st.dictionaries(st.sampled_from([name for name in NAMES if name != "type"]), VALUES, max_size=4).map(json.dumps)
    | st.just("[" * 100_000)
    | st.just('{"a":' * 100_000)
)


@pytest.mark.parametrize("program", ["claude", "codex", "pi"])
@HASTY
@given(noise=st.lists(NOISE, min_size=1, max_size=6))
def test_noise_between_its_events_changes_nothing(program: Format, noise: list[str], tmp_path: Path) -> None:
    lines = (SAMPLES / f"{FIX[program]}.jsonl").read_text().splitlines()
    mixed = [each for number, line in enumerate(lines) for each in (noise[number % len(noise)], line)] + noise
    found = read(program, mixed, fresh(tmp_path))
    expected = SAMPLES / f"{FIX[program]}.golden.jsonl"
    assert golden(found.written, result=found.result).splitlines() == expected.read_text().splitlines()


@pytest.mark.parametrize("program", ["claude", "codex", "pi"])
def test_a_stream_that_breaks_off_anywhere_keeps_what_was_said(program: Format, tmp_path: Path) -> None:
    stream = (SAMPLES / f"{FIX[program]}.jsonl").read_text()
    whole = _messages(read(program, stream.splitlines(), fresh(tmp_path)))
    for cut in range(0, len(stream), len(stream) // 60):
        said = _messages(read(program, stream[:cut].splitlines(), fresh(tmp_path)))
        assert whole.startswith(said)


def _messages(reading: Reading) -> str:
    return "\n".join(entry.text for entry in reading.entries if entry.kind == "message")


def test_a_line_that_is_too_long_is_not_parsed() -> None:
    assert read_object('{"a": "' + "x" * LINE_LIMIT + '"}') is None


def test_numbers_that_nobody_counted_to() -> None:
    for number in (-1, float("inf"), float("nan"), 10**400, True, "7", None):
        assert Node(number).count is None
    assert Node(7.9).count == 7


def test_a_flood_of_calls_is_forgotten_again(tmp_path: Path) -> None:
    known: dict[str, int] = {}
    growing = Growing()
    for number in range(KEPT_CALLS + 10):
        remember(known, str(number))
        growing.worth(str(number), "x")
    assert (len(known), "9" in known, "10" in known) == (KEPT_CALLS, False, True)


@pytest.mark.parametrize(
    ("format", "failing", "answer"),
    [
        (
            "claude",
            {"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 10, "error_status": 529},
            {"type": "assistant", "message": {"content": [{"type": "text", "text": "Hello."}]}},
        ),
        (
            "codex",
            {"type": "error", "message": "Reconnecting... 1/5 (529)"},
            {"type": "item.completed", "item": {"id": "a", "type": "agent_message", "text": "Hello."}},
        ),
        (
            "pi",
            {"type": "auto_retry_start", "attempt": 2, "maxAttempts": 3, "errorMessage": "529"},
            {"type": "message_update", "assistantMessageEvent": {"type": "text_delta", "delta": "Hello."}},
        ),
    ],
)
def test_tries_are_told_as_they_fail_and_when_one_is_answered(
    format: Format, failing: Any, answer: Any, tmp_path: Path
) -> None:
    class Heard(list[str]):
        def failed(self, said: str) -> None:
            self.append(said)

        def answered(self) -> None:
            self.append("answered")

    heard = Heard()
    found = read(format, events(failing, answer), fresh(tmp_path), heard)
    assert heard[0] in ("529 (retry 2 of 10)", "Reconnecting... 1/5 (529)", "529 (retry 2 of 3)")
    assert heard[1:] == ["answered"]
    assert (found.summary, found.reader.failed) == ("Hello.", False)
