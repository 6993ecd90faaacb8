"""What runs used: tokens by name, and cost. Some agents count from the turn's beginning, some from the session's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
NUMBERS = (*TOKENS, "cost")


def of_run(told: Mapping[str, Any], before: Mapping[str, Any], cumulative: Iterable[str]) -> dict[str, Any]:
    """What one run used.

    Args:
        told: What its agent reported.
        before: What the run before it in the same session had reported; empty where there was none.
        cumulative: The names of `told` that count from the session's beginning. One that is smaller than before has
            begun anew, as agents do when a session is compacted or made again.
    """
    since_session = set(cumulative)
    used = {}
    for name in NUMBERS:
        if (value := told.get(name)) is None:
            continue
        earlier = before.get(name, 0) if name in since_session else 0
        used[name] = value - earlier if value >= earlier else value
    if "cost" in used:
        used["cost"] = round(used["cost"], 9)
        used["currency"] = told.get("currency", "USD")
    return used


def total(runs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum over runs, without the names that no run told; costs in another currency than the first are left out."""
    summed: dict[str, Any] = {}
    for used in runs:
        for name in TOKENS:
            if name in used:
                summed[name] = summed.get(name, 0) + used[name]
        if "cost" in used and summed.setdefault("currency", used.get("currency", "USD")) == used.get("currency", "USD"):
            summed["cost"] = round(summed.get("cost", 0) + used["cost"], 9)
    return summed
