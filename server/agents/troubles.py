"""From the words of an error to its name. The wordings are the agents' and their providers', as they really came."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from server.domain.trouble import Trouble

# The first that matches counts: what is said most precisely stands first.
PATTERNS: tuple[tuple[Trouble, tuple[str, ...]], ...] = (
    (
        Trouble.RATE_LIMIT,
        (
            r"\b429\b",
            "rate.?limit",
            "usage limit",
            "limit reached",
            "too many requests",
            "quota",
            "resource.?exhausted",
        ),
    ),
    (
        Trouble.LOGIN,
        (r"\b40[13]\b", "unauthori[sz]ed", "unauthenticated", "authenticat", "api key", r"log ?in\b", "credential"),
    ),
    (
        Trouble.UNREACHABLE,
        (
            *("econnrefused", "connection ?refused", "unable to connect(?!.*closed)", "could not connect", "enotfound"),
            *("ehostunreach", "network is unreachable", "error sending request", "connection error", "fetch failed"),
            *("getaddrinfo", "waiting for network"),
        ),
    ),
    (
        Trouble.CUT,
        (
            *("stream disconnected", "econnreset", "connection reset", "socket hang up", "terminated", "premature"),
            *("connection (was )?closed", "connection dropped", "closed unexpectedly", "unexpected end", "aborted"),
        ),
    ),
    (
        Trouble.MODEL,
        (r"\b5\d\d\b", "overloaded", "server.error", "api_error", "unavailable", "high demand", "bad gateway"),
    ),
    (Trouble.LIMIT, ("max.?turns", "max.?budget", "context (window|length)", "too long", "maximum context")),
)


def classify(text: str, *, hint: Trouble | None = None, otherwise: Trouble | None = Trouble.MODEL) -> Trouble | None:
    """The trouble that an error's text tells of.

    Args:
        text: The error in the agent's words, and nothing else: words of its work would be misread.
        hint: What the protocol says it is, believed where the text says nothing.
        otherwise: The answer where neither says anything.
    """
    for trouble, patterns in PATTERNS:
        if any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns):
            return trouble
    return hint or otherwise


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m|s)(?:ays?|ours?|in(?:ute)?s?|rs?|ec(?:ond)?s?)?\b", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:in|after|retry-?delay\W+|retry-?after\W+)\s*((?:\d+(?:\.\d+)?\s*[a-z]*[\s,]*(?:and\s+)?)+)", re.IGNORECASE
)


def resets_at(text: str, now: datetime) -> datetime | None:
    """When the limit that the text tells of is lifted; None where it does not say."""
    if epoch := re.search(r"\|(1[6-9]\d{8}|2\d{9})\b", text):
        return datetime.fromtimestamp(int(epoch[1]), UTC)
    if iso := re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)", text):
        return datetime.fromisoformat(iso[0]).astimezone(UTC)
    if after := _AFTER.search(text):
        spans = _SPAN.findall(after[1])
        seconds = sum(float(number) * _UNITS[unit.lower()] for number, unit in spans)
        if not spans and (bare := re.search(r"\d+", after[1])):
            seconds = float(bare[0])
        if 0 < seconds < 40 * 86400:
            return now + timedelta(seconds=seconds)
    return None
