"""OpenAI's chat completions: `POST /v1/chat/completions`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from tests.real.wire import Answer, Event, Json, Message, Question, new_id, plain

KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}


def question(body: Json, path: str) -> Question:
    messages = [Message(turn["role"], plain(turn.get("content"))) for turn in body.get("messages", [])]
    functions = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
    tools = {function["name"]: function.get("parameters", {}) for function in functions}
    system = "\n".join(message.text for message in messages if message.role == "system")
    return Question(messages, tools, system=system, stream=bool(body.get("stream")))


def events(answer: Answer) -> Iterator[Event]:
    base = _base(answer, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None, piece: bool = False) -> Event:
        return Event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, piece=piece)

    yield chunk({"role": "assistant", "content": ""})
    for piece in answer.pieces:
        yield chunk({"content": piece}, piece=True)
    for index, call in enumerate(_calls(answer)):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    yield chunk({}, _finish(answer))
    yield Event({**base, "choices": [], "usage": _usage(answer)})
    yield Event("[DONE]")


def whole(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
    return {**_base(answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def _base(answer: Answer, kind: str) -> Json:
    return {"id": new_id("chatcmpl"), "object": kind, "created": int(time.time()), "model": answer.model}


def _calls(answer: Answer) -> list[Json]:
    functions = [{"name": call.tool, "arguments": json.dumps(call.arguments)} for call in answer.calls]
    return [{"id": new_id("call"), "type": "function", "function": function} for function in functions]


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def error(status: int, sentence: str) -> Json:
    kind = KINDS.get(status, "api_error")
    return {"error": {"type": kind, "code": kind, "message": sentence}}
