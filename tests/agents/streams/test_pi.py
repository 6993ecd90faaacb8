"""What pi says that no recorded stream holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.domain.transcript import EntryKind
from tests.agents.streams.reading import Reading, events, read


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def update(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "message_update", "assistantMessageEvent": {"type": kind, **more}}


def message(*words: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": each} for each in words]
    return {"type": "message_end", "message": {"role": "assistant", "content": content, **more}}


def reading(transcript: Path, *told: Any) -> Reading:
    return read("pi", events(*told), transcript)


START = {"type": "message_start", "message": {"role": "assistant"}}
FAILED = message(stopReason="error", errorMessage="429 rate limited")


def test_thoughts_and_blocks_of_text(transcript: Path) -> None:
    found = reading(
        transcript,
        START,
        update("thinking_start"),
        update("thinking_delta", delta="Hm"),
        update("thinking_delta", delta="m."),
        update("thinking_end", content="Hmm."),
        update("text_start"),
        update("text_delta", delta="One."),
        update("text_end", content="One."),
        update("text_start"),
        update("text_delta", delta="Two."),
        message("One.", "Two.", stopReason="stop"),
        START,
        update("text_delta", delta="Three."),
        message("Three.", stopReason="stop"),
    )
    assert found.texts(EntryKind.THOUGHT) == ["Hmm.\n\n"]
    assert found.summary == "One.\n\nTwo.\n\nThree."


def test_a_message_that_did_not_come_in_pieces(transcript: Path) -> None:
    assert reading(transcript, START, message("Done.", stopReason="stop")).summary == "Done."


def test_a_retry_that_came_right(transcript: Path) -> None:
    again = {"type": "auto_retry_start", "attempt": 1, "maxAttempts": 3, "errorMessage": "429 rate limited"}
    found = reading(
        transcript, FAILED, again, message("Done.", stopReason="stop"), {"type": "auto_retry_end", "success": True}
    )
    assert (found.reader.failed, found.reader.error, found.summary) == (False, "", "Done.")
    assert found.texts(EntryKind.NOTICE) == ["Its model fails, it tries again: 429 rate limited (retry 1 of 3)"]


def test_a_turn_that_failed_in_the_end(transcript: Path) -> None:
    found = reading(transcript, message("Working.", stopReason="toolUse"), FAILED)
    assert (found.reader.failed, found.reader.error, found.summary) == (True, "429 rate limited", "Working.")


def test_a_turn_that_was_stopped(transcript: Path) -> None:
    found = reading(transcript, message(stopReason="aborted"))
    assert (found.reader.failed, found.reader.error) == (True, "It was stopped.")


def test_tools_that_go_wrong_or_are_its_own(transcript: Path) -> None:
    def tool(moment: str, key: str, name: str, **more: Any) -> dict[str, Any]:
        return {"type": f"tool_execution_{moment}", "toolCallId": key, "toolName": name, **more}

    wrong = {"content": [{"type": "text", "text": "Not found"}]}
    found = reading(
        transcript,
        tool("start", "a", "edit", args={"path": "x.py"}),
        tool("end", "a", "edit", result=wrong, isError=True),
        tool("start", "b", "write", args={"path": "y.py"}),
        tool("end", "b", "write", result={"content": []}, isError=False),
        tool("start", "c", "subagent", args={"query": "where"}),
        tool("update", "c", "subagent", args={"query": "where"}, partialResult={"content": [{"text": "…"}]}),
    )
    assert found.tools() == [
        ("edit x.py", "edit", "failed"),
        ("write y.py", "edit", "completed"),
        ("subagent where", "other", "running"),
    ]
    assert found.files == ["y.py"]
    assert found.texts(EntryKind.TOOL) == ["Not found", "", "…"]


def test_usage_is_the_sum_and_the_price_of_an_unknown_model_is_unknown(transcript: Path) -> None:
    used = {"input": 10, "output": 1, "cacheRead": 5, "cacheWrite": 0, "cost": {"total": 0}}
    priced = {**used, "cost": {"total": 0.1}}
    free = reading(transcript, message("a", usage=used), message("b", usage=used))
    assert free.reader.usage == {"input": 20, "output": 2, "cache_read": 10, "cache_write": 0}
    told = read("pi", events(*[message("a", usage=priced)] * 3), transcript.with_name("priced.jsonl"))
    assert (told.reader.usage["cost"], told.reader.usage["currency"]) == (0.3, "USD")
