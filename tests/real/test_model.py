"""The scripted model itself, asked as agents ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.real.model import ScriptedModel, closed_port
from tests.real.wire import Usage

PROMPT = "# Mend add\n\nAs agreed: [[script:{}]] [[file:a/b.txt]] [[content:größer]]\n\n---\n\nEnd with a message."
FOLDER = "- Primary working directory: /some tree/here\n- Is a git repository: yes"
SHELL = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
EDIT = {
    "properties": {name: {"type": "string"} for name in ("file_path", "old_string", "new_string", "why")},
    "required": ["file_path", "old_string", "new_string", "why"],
}


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


def anthropic(messages: list[Any], **more: Any) -> dict[str, Any]:
    tools = [{"name": "Bash", "input_schema": SHELL}, {"name": "Edit", "input_schema": EDIT}]
    return {"model": "some", "system": FOLDER, "messages": messages, "tools": tools, **more}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def done(tool: str = "x") -> list[dict[str, Any]]:
    """A call that the model wanted, and its result."""
    call = {"type": "tool_use", "id": tool, "name": "Bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": tool, "content": [{"type": "text", "text": "fine"}]}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = httpx2.post(f"{url}/v1/messages?beta=true", json=body).raise_for_status().json()
    return answer


def test_a_conversation_is_led_through_the_steps_of_its_script(model: ScriptedModel) -> None:
    told = [user(PROMPT.format("fix"))]

    [said, reading] = ask(model.url(), anthropic(told))["content"]
    assert (said["text"], reading["name"], reading["input"]) == ("Step 0: read", "Bash", {"command": "cat calc.py"})
    [_, edit] = ask(model.url(), anthropic(told + done()))["content"]
    assert edit["input"] == {
        "file_path": "/some tree/here/calc.py",
        "old_string": "    return a - b\n",
        "new_string": "    return a + b\n",
        "why": "scripted step",
    }
    end = ask(model.url(), anthropic(told + done() + done() + done()))
    assert end["stop_reason"] == "end_turn"
    assert end["content"][0]["text"].startswith("Fixed add()")

    assert [(request.script, request.number) for request in model.of("fix")] == [("fix", 0), ("fix", 1), ("fix", 3)]
    assert model.requests[-1].last_result == "fine"


def test_a_followup_tells_what_the_agent_still_shows(model: ScriptedModel) -> None:
    spoken = {"role": "assistant", "content": "Fixed."}

    ask(model.url(), anthropic([user(PROMPT.format("fix")), spoken, user(PROMPT.format("hello"))]))
    ask(model.url(), anthropic([user(PROMPT.format("hello"))]))
    ask(model.url(), anthropic([user("It was said: " + PROMPT.format("fix") + PROMPT.format("hello"))]))

    shown = [(request.play.earlier, request.play.turns) for request in model.of("hello")]
    assert shown == [(("fix",), 1), ((), 0), (("fix",), 0)]


def test_what_is_asked_beside_the_conversation_is_no_step(model: ScriptedModel) -> None:
    told = [user(PROMPT.format("block"))]
    title = anthropic(told)
    del title["tools"]
    suggestion = anthropic([*told, *done(), {"role": "assistant", "content": "Done."}, user("Suggest what is next.")])
    reminded = anthropic([*told, *done()])
    reminded["messages"][-1]["content"].append({"type": "text", "text": "Remember to be short."})

    for body in (title, suggestion, reminded):
        ask(model.url(), body)

    assert [request.play.aside for request in model.requests] == [True, True, False]
    assert not model.requests[0].calls
    assert len(model.of("block")) == 1


def test_it_blocks_once_in_a_script_that_is_resumed(model: ScriptedModel) -> None:
    body = anthropic([user(PROMPT.format("resume"))])

    first, second = (ask(model.url(), body)["content"][-1]["input"]["command"] for _ in range(2))

    assert "time.sleep" in first
    assert second == "cat calc.py"


@pytest.mark.parametrize(
    ("tools", "call"),
    [
        (
            [{"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {}}}}],
            ("function_call", "exec_command"),
        ),
        ([{"type": "custom", "name": "apply_patch"}], ("custom_tool_call", "apply_patch")),
    ],
)
def test_a_file_is_written_with_whatever_tool_there_is(
    model: ScriptedModel, tools: list[dict[str, Any]], call: tuple[str, str]
) -> None:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT.format("write")}]}

    answer = httpx2.post(f"{model.url()}/v1/responses", json={"model": "m", "input": [message], "tools": tools}).json()

    made = answer["output"][-1]
    patch = made.get("input") or json.loads(made["arguments"])["cmd"]
    assert (made["type"], made["name"]) == call
    assert "*** Add File: a/b.txt\n+größer\n" in patch


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/messages", {"messages": [user("[[script:hello]]")], "tools": [{"name": "Bash"}]}, "text_delta"),
        (
            "/v1/chat/completions",
            {"messages": [user("[[script:hello]]")], "tools": [{"function": {"name": "bash"}}]},
            '"prompt_tokens": 5',
        ),
        (
            "/v1/responses",
            {"input": [{"role": "user", "content": "[[script:hello]]"}], "tools": [{"name": "shell"}]},
            "response.completed",
        ),
        (
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            {
                "contents": [{"role": "user", "parts": [{"text": "[[script:hello]]"}]}],
                "tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}],
            },
            '"promptTokenCount": 5',
        ),
    ],
)
def test_every_format_is_streamed(path: str, body: dict[str, Any], said: str) -> None:
    with ScriptedModel(Usage(input=5)) as model:
        answer = httpx2.post(model.url() + path, json={"stream": True, **body})

    assert answer.headers["content-type"] == "text/event-stream"
    assert "Hello. " in answer.text
    assert said in answer.text


@pytest.mark.parametrize("status", [401, 429, 500])
def test_an_error_is_forced_by_the_address(model: ScriptedModel, status: int) -> None:
    answer = httpx2.post(f"{model.url(f'http{status}')}/v1/messages", json=anthropic([user("Hello")]))

    assert answer.status_code == status
    assert answer.json()["error"]["message"] == f"scripted {status}"
    assert model.requests[0].usage is None


def test_an_answer_is_cut_in_its_middle(model: ScriptedModel) -> None:
    said: list[bytes] = []
    body = anthropic([user(PROMPT.format("cut"))], stream=True)

    def hear() -> None:
        with httpx2.stream("POST", f"{model.url()}/v1/messages", json=body) as answer:
            said.extend(answer.iter_raw())

    with pytest.raises(httpx2.TransportError):
        hear()

    assert b"message_start" in b"".join(said)
    assert b"message_stop" not in b"".join(said)


def test_nobody_listens_at_a_closed_port() -> None:
    with closed_port() as url, pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_what_it_cannot_do_is_an_error_of_the_test() -> None:
    model = ScriptedModel().__enter__()
    refused = httpx2.post(f"{model.url()}/v1/messages", json=anthropic([user("[[script:no_such_script]]")]))

    assert refused.status_code == 400
    with pytest.raises(AssertionError, match="no_such_script"):
        model.__exit__(None)


def test_waiting_ends_with_what_was_asked(model: ScriptedModel) -> None:
    with pytest.raises(AssertionError, match="nothing"):
        model.wait_for(lambda requests: requests, seconds=0.01)
    ask(model.url(), anthropic([user(PROMPT.format("hello"))]))

    assert model.wait_for(lambda requests: requests[-1].script) == "hello"
