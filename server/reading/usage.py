"""What agents say that they used, in words. Numbers are theirs; Narrows only adds them up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKENS = {
    "input": "in",
    "cache_read": "read from the cache",
    "cache_write": "written to the cache",
    "output": "out",
    "reasoning": "of it for reasoning",
}
UNKNOWN = "unknown"


@dataclass(slots=True)
class Total:
    """The sum of several runs: tokens by name, costs by currency, and how many runs told nothing of either."""

    runs: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    without_tokens: int = 0
    without_cost: int = 0

    def add(self, usage: Mapping[str, Any]) -> None:
        """Add what one run used."""
        told = known(usage)
        self.runs += 1
        self.without_cost += "cost" not in told
        self.without_tokens += not any(name in told for name in TOKENS)
        for name in TOKENS:
            if name in told:
                self.tokens[name] = self.tokens.get(name, 0) + told[name]
        if "cost" in told:
            currency = told.get("currency", "USD")
            self.costs[currency] = self.costs.get(currency, 0) + told["cost"]

    @property
    def words(self) -> str:
        """Tokens and cost; "unknown" for what no run told, and how many runs are missing in what some told."""
        return f"{self._tokens}; cost {self._cost}" if self.tokens or self.costs else UNKNOWN

    @property
    def _tokens(self) -> str:
        if not self.tokens:
            return f"tokens {UNKNOWN}"
        said = ", ".join(f"{self.tokens[name]:,} {words}" for name, words in TOKENS.items() if name in self.tokens)
        return f"{said}{self._missing(self.without_tokens)}"

    @property
    def _cost(self) -> str:
        if not self.costs:
            return UNKNOWN
        said = " + ".join(f"{amount:.4f} {currency}" for currency, amount in self.costs.items())
        return f"{said}{self._missing(self.without_cost)}"

    def _missing(self, count: int) -> str:
        return f" ({UNKNOWN} for {count} of {self.runs} runs)" if count else ""


def known(usage: Mapping[str, Any]) -> dict[str, Any]:
    """What has a name that we know and a value that makes sense: tokens as whole numbers, the cost as a number."""
    told: dict[str, Any] = {name: int(usage[name]) for name in TOKENS if _number(usage.get(name))}
    if _number(usage.get("cost")):
        told["cost"] = float(usage["cost"])
        if isinstance(currency := usage.get("currency"), str) and currency.isalpha() and len(currency) <= 8:
            told["currency"] = currency
    return told


def words(usage: Mapping[str, Any]) -> str:
    """What one run used: "1,200 in, 300 out; cost 0.0120 USD"."""
    return total([usage]).words


def total(usages: Iterable[Mapping[str, Any]]) -> Total:
    """The sum of what several runs used."""
    made = Total()
    for usage in usages:
        made.add(usage)
    return made


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1e15
