"""What Codex says that no recorded stream holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.domain.transcript import EntryKind
from tests.agents.streams.reading import Reading, events, read


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def item(moment: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"item.{moment}", "item": {"id": "item_1", "type": kind, **more}}


def reading(transcript: Path, *told: Any) -> Reading:
    return read("codex", events(*told), transcript)


def test_thoughts_plans_and_warnings(transcript: Path) -> None:
    steps = [{"text": "Read", "completed": True}, {"text": "Fix", "completed": False}]
    found = reading(
        transcript,
        item("completed", "reasoning", text="**Looking**"),
        item("started", "todo_list", items=[{**step, "completed": False} for step in steps]),
        item("updated", "todo_list", items=steps),
        item("completed", "error", message="Model metadata not found"),
    )
    assert found.texts(EntryKind.THOUGHT) == ["**Looking**\n\n"]
    assert found.plans == [(("pending", "Read"), ("pending", "Fix")), (("completed", "Read"), ("pending", "Fix"))]
    assert found.texts(EntryKind.NOTICE) == ["Model metadata not found"]
    assert not found.reader.failed


def test_a_change_of_files(transcript: Path) -> None:
    changes = [{"path": "a.py", "kind": "add"}, {"path": "b.py", "kind": "delete"}, {"path": "c.py", "kind": "update"}]
    found = reading(
        transcript,
        item("started", "file_change", changes=changes, status="in_progress"),
        item("completed", "file_change", changes=changes, status="completed"),
    )
    assert found.tools() == [("Edit a.py, b.py, c.py", "edit", "completed")]
    assert found.files == ["a.py", "c.py"]


def test_files_that_are_only_deleted(transcript: Path) -> None:
    found = reading(transcript, item("completed", "file_change", changes=[{"path": "b.py", "kind": "delete"}]))
    assert (found.tools(), found.files) == ([("Delete b.py", "delete", "completed")], [])


def test_a_patch_that_failed_wrote_nothing(transcript: Path) -> None:
    changes = [{"path": "a.py", "kind": "update"}]
    found = reading(transcript, item("completed", "file_change", changes=changes, status="failed"))
    assert (found.tools(), found.files) == ([("Edit a.py", "edit", "failed")], [])


def test_other_tools(transcript: Path) -> None:
    failed = {"server": "github", "tool": "search", "status": "failed", "error": {"message": "no token"}}
    content = {"content": [{"type": "text", "text": "found"}]}
    found = reading(
        transcript,
        item("completed", "mcp_tool_call", id="a", **failed),
        item("completed", "mcp_tool_call", id="b", server="x", tool="y", status="completed", result=content),
        item("completed", "web_search", id="c", query="python 3.11"),
        item("completed", "tool_of_tomorrow", id="d"),
    )
    assert found.tools() == [
        ("github: search", "other", "failed"),
        ("x: y", "other", "completed"),
        ("Search python 3.11", "fetch", "completed"),
        ("tool of tomorrow", "other", "completed"),
    ]
    assert [entry.text for entry in found.entries] == ["no token", "found", "", ""]


def test_a_command_that_nobody_allowed(transcript: Path) -> None:
    found = reading(transcript, item("completed", "command_execution", command="rm -rf /", status="declined"))
    assert found.tools() == [("rm -rf /", "execute", "failed")]
    assert found.refused == [("rm -rf /", "execute", "")]


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("/bin/bash -lc 'cat calc.py'", "cat calc.py"),
        ("bash -c \"echo 'a b'\"", "echo 'a b'"),
        ("python3 -c 'print(1)'", "print(1)"),
        ("git status", "git status"),
        ("echo 'open", "echo 'open"),
    ],
)
def test_a_command_is_shown_without_its_shell(transcript: Path, command: str, title: str) -> None:
    found = reading(transcript, item("started", "command_execution", command=command, status="in_progress"))
    assert found.tools() == [(title, "execute", "running")]


def test_output_that_grows_is_not_written_again_and_again(transcript: Path) -> None:
    grown = [
        item("updated", "command_execution", command="make", status="in_progress", aggregated_output="." * length)
        for length in range(1, 1001)
    ]
    last = item("completed", "command_execution", command="make", status="completed", aggregated_output="." * 1000)
    found = reading(transcript, *grown, last)
    assert sum(len(entry.text) for entry in found.written) <= 3000
    assert [entry.text for entry in found.entries] == ["." * 1000]


def test_what_it_was_saying_when_it_was_cut_short(transcript: Path) -> None:
    said = item("completed", "agent_message", id="a", text="First.")
    begun = [item("updated", "agent_message", id="b", text=text) for text in ("Sec", "Second, ")]
    assert reading(transcript, said, *begun).summary == "First.\n\nSecond,"


def test_an_error_that_is_wrapped_in_an_error(transcript: Path) -> None:
    wrapped = '{"type": "error", "status": 400, "error": {"message": "The model is not supported."}}'
    found = reading(transcript, {"type": "error", "message": wrapped}, {"type": "turn.failed", "error": {}})
    assert (found.reader.failed, found.reader.error) == (True, "The model is not supported.")


def test_a_turn_that_came_right_after_an_error_has_not_failed(transcript: Path) -> None:
    used = {"input_tokens": 100, "cached_input_tokens": 30, "cache_write_input_tokens": 20, "output_tokens": 5}
    found = reading(transcript, {"type": "error", "message": "lost"}, {"type": "turn.completed", "usage": used})
    assert (found.reader.failed, found.reader.error) == (False, "")
    assert found.reader.usage == {"input": 50, "output": 5, "cache_read": 30, "cache_write": 20}
