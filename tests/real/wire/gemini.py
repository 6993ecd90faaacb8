"""Gemini: `POST /v1beta/models/M:generateContent` and `:streamGenerateContent`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.real.wire import Answer, Event, Json, Message, Question, new_id, plain

STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}


def question(body: Json, path: str) -> Question:
    messages = [message for turn in body.get("contents", []) for message in _messages(turn)]
    functions = [function for tool in body.get("tools") or [] for function in tool.get("functionDeclarations") or []]
    tools = {each["name"]: each.get("parametersJsonSchema") or each.get("parameters") or {} for each in functions}
    wishes = body.get("generationConfig") or {}
    schema = wishes.get("responseJsonSchema") or wishes.get("responseSchema") or {}
    return Question(
        messages,
        tools,
        system=plain((body.get("systemInstruction") or {}).get("parts")),
        stream=":stream" in path,
        answer_schema=schema if wishes.get("responseMimeType") == "application/json" else None,
    )


def _messages(turn: Json) -> Iterator[Message]:
    parts = turn.get("parts") or []
    for part in parts:
        if "functionResponse" in part:
            yield Message("tool", json.dumps(part["functionResponse"].get("response")))
    text = "\n".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    if turn.get("role") == "model":
        yield Message("assistant", text)
    elif text:
        yield Message("user", text)


def events(answer: Answer) -> Iterator[Event]:
    for index, piece in enumerate(answer.pieces, 1):
        ended = index == len(answer.pieces) and not answer.calls
        yield Event(_response(answer, [{"text": piece}], "STOP" if ended else None), piece=True)
    if answer.calls:
        yield Event(_response(answer, _calls(answer), "STOP"))


def whole(answer: Answer) -> Json:
    text = [{"text": answer.text}] if answer.pieces else []
    return _response(answer, text + _calls(answer), "STOP")


def _calls(answer: Answer) -> list[Json]:
    return [
        {"functionCall": {"id": new_id("call"), "name": call.tool, "args": call.arguments}} for call in answer.calls
    ]


def _response(answer: Answer, parts: list[Json], finish: str | None) -> Json:
    usage = answer.usage
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": new_id("answer"),
        "usageMetadata": {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": usage.output,
            "cachedContentTokenCount": usage.cache_read,
            "thoughtsTokenCount": usage.reasoning,
            "totalTokenCount": usage.input + usage.output + usage.reasoning,
        },
    }


def error(status: int, sentence: str) -> Json:
    return {"error": {"code": status, "message": sentence, "status": STATUSES.get(status, "INTERNAL")}}
