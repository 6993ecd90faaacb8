"""OpenAI's responses: `POST /v1/responses`."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

from tests.real.wire import CUSTOM, Answer, Event, Json, Message, Question, chat, new_id, plain

RESULTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
CALLS = ("function_call", "custom_tool_call", "local_shell_call")

error = chat.error


def question(body: Json, path: str) -> Question:
    messages = [message for item in body.get("input") or [] for message in _messages(item)]
    tools = {tool.get("name") or tool["type"]: _schema(tool) for tool in body.get("tools") or []}
    return Question(messages, tools, system=plain(body.get("instructions")), stream=bool(body.get("stream")))


def _messages(item: Json) -> Iterator[Message]:
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role", "user")
        yield Message("system" if role == "developer" else role, plain(item.get("content")))
    elif kind in RESULTS:
        yield Message("tool", plain(item.get("output")))
    elif kind in CALLS:
        yield Message("assistant", "")


def _schema(tool: Json) -> Json:
    return {CUSTOM: True} if tool.get("type") == "custom" else tool.get("parameters") or {}


def events(answer: Answer) -> Iterator[Event]:
    number = itertools.count()

    def event(name: str, piece: bool = False, **data: object) -> Event:
        return Event({"type": name, **data, "sequence_number": next(number)}, name, piece)

    response = whole(answer)
    yield event("response.created", response={**response, "status": "in_progress", "output": [], "usage": None})
    for index, item in enumerate(response["output"]):
        begun = {**item, "status": "in_progress"}
        match item["type"]:
            case "message":
                yield event("response.output_item.added", output_index=index, item={**begun, "content": []})
                part = {"item_id": item["id"], "output_index": index, "content_index": 0}
                empty = {"type": "output_text", "text": "", "annotations": []}
                yield event("response.content_part.added", **part, part=empty)
                for piece in answer.pieces:
                    yield event("response.output_text.delta", **part, delta=piece, piece=True)
                yield event("response.output_text.done", **part, text=answer.text)
                yield event("response.content_part.done", **part, part=item["content"][0])
            case "function_call":
                yield event("response.output_item.added", output_index=index, item={**begun, "arguments": ""})
                arguments = {"item_id": item["id"], "output_index": index}
                yield event("response.function_call_arguments.delta", **arguments, delta=item["arguments"])
                yield event("response.function_call_arguments.done", **arguments, arguments=item["arguments"])
            case _:
                yield event("response.output_item.added", output_index=index, item={**begun, "input": ""})
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=response)


def whole(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "model": answer.model,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": list(_items(answer)),
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cache_read},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
    }


def _items(answer: Answer) -> Iterator[Json]:
    if answer.pieces:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        yield {"id": new_id("msg"), "type": "message", "status": "completed", "role": "assistant", "content": content}
    for call in answer.calls:
        base = {"status": "completed", "call_id": new_id("call"), "name": call.tool}
        if isinstance(call.arguments, str):
            yield {"id": new_id("ctc"), "type": "custom_tool_call", **base, "input": call.arguments}
        else:
            yield {"id": new_id("fc"), "type": "function_call", **base, "arguments": json.dumps(call.arguments)}
