"""What an ACP agent says that it used, in one set of names: in its answer, in the answer's `_meta`, or on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from acp.schema import AgentMessageChunk, AgentThoughtChunk, PromptResponse, UsageUpdate

from server.domain.usage import TOKENS

NAMES = {
    "input_tokens": "input",
    "inputTokens": "input",
    "output_tokens": "output",
    "outputTokens": "output",
    "cached_read_tokens": "cache_read",
    "cachedReadTokens": "cache_read",
    "cachedInputTokens": "cache_read",
    "cached_write_tokens": "cache_write",
    "cachedWriteTokens": "cache_write",
    "thought_tokens": "reasoning",
    "thoughtTokens": "reasoning",
}


def of_answer(answer: PromptResponse) -> dict[str, Any]:
    """What the end of a turn says of its usage."""
    if answer.usage:
        return named(answer.usage.model_dump(exclude={"field_meta"}))
    quota = (answer.field_meta or {}).get("quota")
    counts = quota.get("token_count") if isinstance(quota, dict) else None
    return named(counts) if isinstance(counts, dict) else {}


def of_update(update: object, before: Mapping[str, Any]) -> dict[str, Any]:
    """What an update on the way adds to `before`."""
    match update:
        case UsageUpdate():
            return cost_of(update)
        case AgentMessageChunk(field_meta=dict(meta)) | AgentThoughtChunk(field_meta=dict(meta)):
            told = meta.get("usage")
            counts = named(told) if isinstance(told, dict) else {}
            return {name: before.get(name, 0) + count for name, count in counts.items()}
        case _:
            return {}


def of_export(text: str) -> dict[str, Any]:
    """What an exported session used from its beginning: the `info` of `opencode export`."""
    try:
        info = json.loads(text)["info"]
        tokens = info["tokens"]
        told = {**tokens, "cache_read": tokens["cache"]["read"], "cache_write": tokens["cache"]["write"]}
        cost = info.get("cost") or None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    found = {name: told[name] for name in TOKENS if _is_count(told.get(name))}
    if "output" in found:
        found["output"] += found.get("reasoning", 0)  # told apart here, and counted in everywhere else
    if isinstance(cost, int | float) and cost > 0:
        found |= {"cost": cost, "currency": "USD"}
    return found


def cost_of(update: object) -> dict[str, Any]:
    """The cost that an update tells, with its currency."""
    if isinstance(update, UsageUpdate) and update.cost:
        return {"cost": update.cost.amount, "currency": update.cost.currency}
    return {}


def cost_in(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The cost of some usage, without its tokens."""
    return {name: usage[name] for name in ("cost", "currency") if name in usage}


def named(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of tokens by our names; what has none of them is left out."""
    found = {}
    for name, value in counts.items():
        if name in NAMES and _is_count(value):
            found[NAMES[name]] = value
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
