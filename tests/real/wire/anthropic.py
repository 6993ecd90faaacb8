"""Anthropic's messages: `POST /v1/messages`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.real.wire import Answer, Event, Json, Message, Question, new_id, plain

KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}


def question(body: Json, path: str) -> Question:
    messages = [message for turn in body.get("messages", []) for message in _messages(turn)]
    tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools") or []}
    return Question(messages, tools, system=plain(body.get("system")), stream=bool(body.get("stream")))


def _messages(turn: Json) -> Iterator[Message]:
    parts = turn["content"]
    if isinstance(parts, str):
        parts = [{"type": "text", "text": parts}]
    for part in parts:
        if part.get("type") == "tool_result":
            yield Message("tool", plain(part.get("content")))
    text = "\n".join(part["text"] for part in parts if part.get("type") == "text")
    if text or turn["role"] == "assistant":
        yield Message(turn["role"], text)


def events(answer: Answer) -> Iterator[Event]:
    message = whole(answer)
    begun = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield _event("message_start", message=begun)
    for index, block in enumerate(message["content"]):
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        yield _event("content_block_start", index=index, content_block=empty)
        if block["type"] == "text":
            for piece in answer.pieces:
                yield _event(
                    "content_block_delta", piece=True, index=index, delta={"type": "text_delta", "text": piece}
                )
        else:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=ended, usage=message["usage"])
    yield _event("message_stop")


def _event(name: str, piece: bool = False, **data: object) -> Event:
    return Event({"type": name, **data}, name, piece)


def whole(answer: Answer) -> Json:
    text = [{"type": "text", "text": answer.text}] if answer.pieces else []
    calls = [
        {"type": "tool_use", "id": new_id("toolu"), "name": call.tool, "input": call.arguments} for call in answer.calls
    ]
    usage = {
        "input_tokens": answer.usage.input,
        "output_tokens": answer.usage.output,
        "cache_read_input_tokens": answer.usage.cache_read,
        "cache_creation_input_tokens": answer.usage.cache_write,
    }
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": text + calls,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def error(status: int, sentence: str) -> Json:
    return {"type": "error", "error": {"type": KINDS.get(status, "api_error"), "message": sentence}}
