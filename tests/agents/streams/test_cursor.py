"""Cursor's stream, by its documentation: the program itself can't be had here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.domain.transcript import EntryKind
from tests.agents.streams.reading import Reading, events, read


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def says(words: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "assistant",
        "message": {"role": "assistant", "content": [{"type": "text", "text": words}]},
        "session_id": "s-1",
        **more,
    }


def call(key: str, moment: str, name: str, result: Any = None, **given: Any) -> dict[str, Any]:
    told = {"args": given} if result is None else {"args": given, "result": result}
    return {"type": "tool_call", "subtype": moment, "call_id": key, "tool_call": {name: told}, "session_id": "s-1"}


def reading(transcript: Path, *told: Any) -> Reading:
    return read("cursor", events(*told), transcript)


BEGINNING = {"type": "system", "subtype": "init", "session_id": "s-1", "model": "Auto", "permissionMode": "default"}
PROMPT = {"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "Do it."}]}}
END = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s-1", "result": "Reading.Done."}


def test_a_turn(transcript: Path) -> None:
    ran = {"success": {"command": "make test", "exitCode": 1, "stdout": "1 failed", "stderr": "make: error"}}
    wrote = {"success": {"path": "/tree/a.py", "linesCreated": 3, "fileSize": 20}}
    used = {"inputTokens": 10, "outputTokens": 2, "cacheReadTokens": 4, "cacheWriteTokens": 0}
    found = reading(
        transcript,
        BEGINNING,
        PROMPT,
        {"type": "thinking", "subtype": "delta", "text": "Where "},
        {"type": "thinking", "subtype": "delta", "text": "is it?"},
        {"type": "thinking", "subtype": "completed"},
        says("Reading.", model_call_id="m-1", timestamp_ms=1),
        call("call_1\nfc_1", "started", "readToolCall", path="a.py"),
        call(
            "call_1\nfc_1", "completed", "readToolCall", {"success": {"content": "x = 1", "totalLines": 1}}, path="a.py"
        ),
        call("b", "started", "writeToolCall", path="a.py", fileText="x = 2"),
        call("b", "completed", "writeToolCall", wrote, path="a.py", fileText="x = 2"),
        call("c", "started", "shellToolCall", command="make test"),
        call("c", "completed", "shellToolCall", ran, command="make test"),
        says("Done."),
        {**END, "usage": used},
    )
    assert found.tools() == [
        ("read a.py", "read", "completed"),
        ("write a.py", "edit", "completed"),
        ("make test", "execute", "failed"),
    ]
    assert found.files == ["a.py"]
    assert found.texts(EntryKind.THOUGHT) == ["Where is it?\n\n"]
    assert found.texts(EntryKind.TOOL) == ["x = 1", found.texts(EntryKind.TOOL)[1], "1 failed\nmake: error"]
    assert found.texts(EntryKind.MESSAGE) == ["Reading.", "Done."]
    assert found.result == {
        "session": "s-1",
        "usage": {"input": 10, "output": 2, "cache_read": 4, "cache_write": 0},
        "failed": False,
        "error": "",
        "summary": "Done.",
    }


def test_pieces_of_a_message_are_not_said_twice(transcript: Path) -> None:
    found = reading(
        transcript,
        says("Read", timestamp_ms=1),
        says("ing.", timestamp_ms=2),
        says("Reading.", timestamp_ms=3, model_call_id="m-1"),
        call("a", "started", "lsToolCall", path="."),
        call("a", "completed", "lsToolCall", {"success": {"directoryTreeRoot": {}}}, path="."),
        says("Do", timestamp_ms=4),
        says("ne.", timestamp_ms=5),
        says("Done."),
        END,
    )
    assert found.texts(EntryKind.MESSAGE) == ["Reading.", "Done."]


def test_a_list_of_todos_is_a_plan(transcript: Path) -> None:
    given = [{"id": "1", "content": "Read", "status": "TODO_STATUS_PENDING"}]
    now = [
        {"id": "1", "content": "Read", "status": "TODO_STATUS_COMPLETED"},
        {"id": "2", "content": "Fix", "status": "TODO_STATUS_IN_PROGRESS"},
    ]
    found = reading(
        transcript,
        call("a", "started", "updateTodosToolCall", todos=given, merge=True),
        call("a", "completed", "updateTodosToolCall", {"success": {"todos": now}}, todos=given, merge=True),
    )
    assert found.plans == [(("pending", "Read"),), (("completed", "Read"), ("in_progress", "Fix"))]
    assert found.tools() == []


def test_what_was_refused_or_failed(transcript: Path) -> None:
    found = reading(
        transcript,
        call(
            "a",
            "completed",
            "shellToolCall",
            {"rejected": {"command": "rm x", "reason": "not allowed"}},
            command="rm x",
        ),
        call("b", "completed", "editToolCall", {"error": {"errorMessage": "no such file"}}, path="x.py"),
        call("c", "completed", "writeToolCall", {"permissionDenied": {"path": "/etc/x"}}, path="/etc/x"),
    )
    assert [state for _, _, state in found.tools()] == ["failed"] * 3
    assert found.refused == [("rm x", "execute", "not allowed"), ("write /etc/x", "edit", '{"path": "/etc/x"}')]
    assert (found.files, found.texts(EntryKind.TOOL)[:2]) == ([], ["not allowed", "no such file"])


def test_tools_that_it_names_in_other_ways(transcript: Path) -> None:
    function = {"function": {"name": "grep", "arguments": '{"pattern": "def add"}'}}
    found = reading(
        transcript,
        {"type": "tool_call", "subtype": "started", "call_id": "a", "tool_call": function},
        call("b", "started", "mcpToolCall", providerIdentifier="github", toolName="search"),
        call("c", "started", "teleportToolCall", path="there"),
        {"type": "tool_call", "subtype": "started", "call_id": "d", "tool_call": {"description": "?"}},
    )
    assert found.tools() == [
        ("grep def add", "search", "running"),
        ("github: search", "other", "running"),
        ("teleport there", "other", "running"),
        ("tool", "other", "running"),
    ]


def test_how_it_fails(transcript: Path) -> None:
    failed = {"type": "result", "subtype": "error", "is_error": True, "result": "You've hit your usage limit"}
    found = reading(transcript, says("Working."), failed)
    assert (found.reader.failed, found.reader.error) == (True, "You've hit your usage limit")
    assert found.summary == "Working."


def test_a_result_where_nothing_else_was_said(transcript: Path) -> None:
    assert reading(transcript, BEGINNING, END).summary == "Reading.Done."
