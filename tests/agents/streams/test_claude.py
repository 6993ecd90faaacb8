"""What Claude Code says that no recorded stream holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.domain.transcript import EntryKind
from tests.agents.streams.reading import Reading, events, read


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def says(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"content": list(blocks)}, **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def calls(key: str, name: str, **given: Any) -> dict[str, Any]:
    return says({"type": "tool_use", "id": key, "name": name, "input": given})


def answers(key: str, content: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "user",
        "message": {"content": [{"type": "tool_result", "tool_use_id": key, "content": content, **more}]},
    }


def ends(**result: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success", "is_error": False, **result}


def reading(transcript: Path, *told: Any) -> Reading:
    return read("claude", events(*told), transcript)


def test_a_list_of_todos_is_a_plan_and_no_tool(transcript: Path) -> None:
    todos = [
        {"content": "Read", "status": "completed", "activeForm": "Reading"},
        {"content": "Fix", "status": "in_progress", "activeForm": "Fixing"},
        {"content": "Test", "status": "pending", "activeForm": "Testing"},
    ]
    found = reading(transcript, calls("a", "TodoWrite", todos=todos), answers("a", "Todos have been modified"))
    assert found.plans == [(("completed", "Read"), ("in_progress", "Fix"), ("pending", "Test"))]
    assert found.tools() == []


def test_an_edit_is_a_file_once_it_has_been_made(transcript: Path) -> None:
    found = reading(
        transcript,
        calls("a", "Write", file_path="/tree/new.py", content="1"),
        calls("b", "Edit", file_path="/tree/old.py"),
        answers("a", "File created"),
        answers("b", "String to replace not found", is_error=True),
    )
    assert found.tools() == [("Write /tree/new.py", "edit", "completed"), ("Edit /tree/old.py", "edit", "failed")]
    assert found.files == ["/tree/new.py"]


def test_tools_of_every_kind(transcript: Path) -> None:
    found = reading(
        transcript,
        calls("a", "Grep", pattern="def add", path="src"),
        calls("b", "WebFetch", url="https://example.org/page"),
        calls("c", "mcp__github__create_issue", title="x"),
        calls("d", "Task", description="Look around", prompt="…"),
        answers(
            "c", [{"type": "text", "text": "one"}, {"type": "image", "source": {}}, {"type": "text", "text": "two"}]
        ),
    )
    assert found.tools() == [
        ("Grep src", "search", "running"),
        ("WebFetch https://example.org/page", "fetch", "running"),
        ("github: create_issue", "other", "completed"),
        ("Task Look around", "think", "running"),
    ]
    assert [entry.text for entry in found.entries if entry.id == "c"] == ["one\ntwo"]


def test_what_a_helper_says_is_thought_and_not_the_last_word(transcript: Path) -> None:
    found = reading(
        transcript,
        says(text("Let me ask a helper.")),
        calls("a", "Task", description="Look around"),
        says(text("I found three files."), parent_tool_use_id="a"),
        answers("a", "I found three files."),
        says({"type": "thinking", "thinking": "Three, then."}),
        says(text("There are three files.")),
        ends(result="There are three files."),
    )
    assert found.summary == "There are three files."
    assert found.texts(EntryKind.THOUGHT) == ["I found three files.\n\nThree, then.\n\n"]
    assert found.texts(EntryKind.MESSAGE) == ["Let me ask a helper.", "There are three files."]


def test_a_result_that_was_said_nowhere_else_is_said(transcript: Path) -> None:
    found = reading(transcript, calls("a", "Read"), answers("a", "…"), ends(result="All is well."))
    assert found.summary == "All is well."


def test_a_refusal_that_only_the_result_tells_is_told_once(transcript: Path) -> None:
    denial = {"tool_name": "Bash", "tool_use_id": "a", "tool_input": {"command": "rm -rf /"}}
    found = reading(transcript, ends(permission_denials=[denial, denial], result="I may not."))
    assert found.refused == [("rm -rf /", "execute", "")]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"subtype": "error_max_turns", "is_error": True}, "It has reached its largest number of turns."),
        ({"subtype": "error_max_budget_usd"}, "It has reached its largest cost."),
        (
            {"subtype": "error_during_execution", "errors": ["spawn failed", {"message": "twice"}]},
            "spawn failed\ntwice",
        ),
        ({"subtype": "error_of_tomorrow"}, "error_of_tomorrow"),
        ({"is_error": True, "result": "Invalid API key · Please run /login"}, "Invalid API key · Please run /login"),
    ],
)
def test_how_it_says_that_it_failed(transcript: Path, result: dict[str, Any], error: str) -> None:
    found = reading(transcript, says(text("Working.")), ends(**result))
    assert (found.reader.failed, found.reader.error, found.summary) == (True, error, "Working.")


def test_a_limit_tells_when_it_is_lifted(transcript: Path) -> None:
    info = {"status": "rejected", "resetsAt": 1795528800, "rateLimitType": "five_hour"}
    found = reading(transcript, {"type": "rate_limit_event", "rate_limit_info": info})
    assert found.reader.resets_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    assert found.texts(EntryKind.NOTICE) == ["Its limit is reached until 2026-11-24 14:00 UTC."]


def test_a_warning_of_a_limit_is_none(transcript: Path) -> None:
    info = {"status": "allowed_warning", "resetsAt": 1795528800}
    found = reading(transcript, {"type": "rate_limit_event", "rate_limit_info": info})
    assert (found.reader.resets_at, found.entries) == (None, [])


def test_a_session_is_nothing_that_an_argument_could_be_mistaken_for(transcript: Path) -> None:
    good, bad = ({"type": "system", "subtype": "init", "session_id": each} for each in ("abc-1", "--permission-mode"))
    assert reading(transcript, good, bad).reader.session == "abc-1"


def test_a_program_that_only_speaks_plain_words_has_said_what_is_wrong(transcript: Path) -> None:
    found = read("claude", ["", "error: unknown option '--output-format'", "{not json"], transcript)
    assert (found.reader.error, found.reader.failed, found.entries) == ("{not json", False, [])


def test_plain_words_beside_its_events_are_passed_over(transcript: Path) -> None:
    found = read("claude", ["Welcome!", *events(says(text("Done."))), "Bye."], transcript)
    assert (found.summary, found.reader.error) == ("Done.", "")
