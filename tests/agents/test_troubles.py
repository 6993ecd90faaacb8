"""An error's words get the right name, and the right time. The wordings are those that the real programs used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from server.agents.troubles import LONGEST, classify, resets_at
from server.domain.trouble import Trouble

LOGIN, RATE_LIMIT, MODEL = Trouble.LOGIN, Trouble.RATE_LIMIT, Trouble.MODEL
CUT, UNREACHABLE, REFUSED, LIMIT = Trouble.CUT, Trouble.UNREACHABLE, Trouble.REFUSED, Trouble.LIMIT

# What each program said about a model that answered with this status, broke off, or was not there (November 2026).
RECORDED: list[tuple[Trouble | None, str]] = [
    # Claude Code and its adapter
    (LOGIN, "Authentication required"),
    (LOGIN, "Failed to authenticate. API Error: 401 scripted 401"),
    (RATE_LIMIT, "API Error: Request rejected (429) · scripted 429"),
    (RATE_LIMIT, "Internal error: API Error: Request rejected (429) · scripted 429"),
    (
        MODEL,
        "API Error: 500 scripted 500. This is a server-side issue, usually temporary — try again in a moment.",
    ),
    (
        CUT,
        "API Error: Connection dropped (ECONNRESET). Check the gateway set in ANTHROPIC_BASE_URL, then try again.",
    ),
    (UNREACHABLE, "API Error: Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)"),
    (UNREACHABLE, "Reconnecting to Claude, attempt 4 of 6."),
    (MODEL, "Retrying Claude, attempt 4 of 6."),
    # Codex and its adapter
    (LOGIN, "unexpected status 401 Unauthorized: scripted 401, url: http://127.0.0.1:8391/v1/responses"),
    (RATE_LIMIT, "exceeded retry limit, last status: 429 Too Many Requests"),
    (MODEL, "We’re currently experiencing high demand, which may cause temporary errors."),
    (MODEL, "Reconnecting... 2/5 We’re currently experiencing high demand, which may cause temporary errors."),
    (CUT, "stream disconnected before completion: Transport error: network error: error decoding response body"),
    (CUT, "stream disconnected before completion: Connection reset by peer (os error 104)"),
    (UNREACHABLE, "stream disconnected before completion: Connection refused (os error 111)"),
    (UNREACHABLE, "Reconnecting... waiting for network Connection failed: error sending request"),
    # Gemini CLI
    (LOGIN, '{"error":{"code":401,"message":"scripted 401","status":"UNAUTHENTICATED"}}'),
    (MODEL, '{"error":{"code":500,"message":"scripted 500","status":"INTERNAL"}}'),
    (CUT, "[API Error: terminated]"),
    (CUT, "terminated"),
    (UNREACHABLE, "exception TypeError: fetch failed sending request"),
    (LOGIN, "Invalid auth method selected."),
    (
        RATE_LIMIT,
        "[2026-11-24T16:38:14.003Z] [WARN] Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {",
    ),
    (MODEL, "[2026-11-24T16:38:17.806Z] [WARN] Attempt 1 failed with status 500. Retrying with backoff..."),
    (
        UNREACHABLE,
        "[2026-11-24T16:38:17.806Z] [WARN] Attempt 1 failed. Retrying with backoff... TypeError: fetch failed",
    ),
    # Qwen Code
    (LOGIN, "401 scripted 401"),
    (LOGIN, "[API Error: 401 scripted 401]"),
    (RATE_LIMIT, "[API Error: 429 scripted 429]"),
    (RATE_LIMIT, "Rate limit exceeded. Try again later."),
    (RATE_LIMIT, "Retrying in 60s (attempt 1/10): [API Error: 429 scripted 429]"),
    (MODEL, "500 scripted 500"),
    (CUT, "[API Error: terminated (cause: read ECONNRESET)]"),
    (UNREACHABLE, "Connection error."),
    (UNREACHABLE, "[API Error: Connection error. (cause: fetch failed)]"),
    # opencode
    (LOGIN, "Internal error: scripted 401"),
    (RATE_LIMIT, "Internal error: scripted 429"),
    (MODEL, "Internal error: scripted 500"),
    (RATE_LIMIT, 'level=ERROR message="stream error" small=false error.error="AI_APICallError: scripted 429"'),
    (MODEL, 'level=ERROR message="stream error" small=false error.error="AI_APICallError: scripted 500"'),
    (None, 'level=ERROR message="stream error" small=false error.error="AI_APICallError: it had an error"'),
    (CUT, "Connection reset by server"),
    (
        CUT,
        "Internal error: Cannot connect to API: The socket connection was closed unexpectedly. For more information, …",
    ),
    (
        UNREACHABLE,
        "Internal error: Cannot connect to API: Unable to connect. Is the computer able to access the url?",
    ),
    # pi
    (LOGIN, "401 scripted 401"),
    (RATE_LIMIT, "429 scripted 429"),
    (MODEL, "500 scripted 500"),
]

# What their sources and their providers' documentation say besides.
KNOWN: list[tuple[Trouble | None, str]] = [
    (RATE_LIMIT, "Claude usage limit reached|1795550400"),
    (RATE_LIMIT, "5-hour limit reached ∙ resets 3pm"),
    (RATE_LIMIT, "You've hit your session limit · resets 3pm (Europe/Berlin)"),
    (RATE_LIMIT, "You've hit your limit · resets Nov 26, 3pm (Europe/Berlin)"),
    (RATE_LIMIT, "You're out of usage credits"),
    (RATE_LIMIT, "Credit balance is too low"),
    (RATE_LIMIT, "You've hit your usage limit. Upgrade to Pro or try again in 2 hours 15 minutes."),
    (RATE_LIMIT, "You're out of credits. Your workspace is out of credits. Add credits to continue using Codex."),
    (RATE_LIMIT, "Quota exceeded. Check your plan and billing details."),
    (RATE_LIMIT, "You have exhausted your capacity on this model. Your quota will reset after 2h3m4s."),
    (RATE_LIMIT, '{"error":{"code":429,"message":"Please retry in 17.1s.","status":"RESOURCE_EXHAUSTED"}}'),
    (RATE_LIMIT, "HTTP 402: Payment Required"),
    (LOGIN, "Invalid API key · Please run /login"),
    (LOGIN, "OAuth token revoked · Please run /login"),
    (LOGIN, "Incorrect API key provided: sk-…"),
    (LOGIN, "API key not valid. Please pass a valid API key."),
    (LOGIN, "Your access token could not be refreshed because your refresh token was revoked."),
    (LOGIN, "Your session has expired. Please run /login to sign in again."),
    (LOGIN, "Could not load the default credentials."),
    (LOGIN, "HTTP/1.1 403 Forbidden"),
    (MODEL, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
    (MODEL, "API Error: 529 Overloaded"),
    (MODEL, "502 Bad Gateway: upstream connect error: connection refused"),
    (MODEL, "503 Service Unavailable"),
    (MODEL, "Selected model is at capacity. Please try a different model."),
    (UNREACHABLE, "getaddrinfo ENOTFOUND api.example.com"),
    (UNREACHABLE, "Request timed out. Check your internet connection and proxy settings"),
    (UNREACHABLE, "unable to verify the first certificate"),
    (CUT, "stream closed before response.completed"),
    (CUT, "Premature close"),
    (CUT, "Incomplete JSON segment at the end"),
    (REFUSED, "API Error: this request appears to violate our Usage Policy."),
    (REFUSED, "This content was flagged for possible biological risk."),
    (REFUSED, "Incomplete response returned, reason: content_filter"),
    (LIMIT, "Prompt is too long"),
    (LIMIT, "Codex ran out of room in the model's context window. Start a new thread."),
    (LIMIT, "error_max_turns"),
    (LIMIT, "Reached maximum number of turns (30)"),
    (LIMIT, "error_max_budget_usd"),
    (LIMIT, "413 Payload Too Large"),
]

# Words that only look like one of them: nothing is known.
QUOTED = [
    "SyntaxError: Unexpected token (calc.py:401)",
    "TypeError: Cannot read properties of undefined (reading '429')",
    "error: line 401: unexpected indent",
    "The tool took 500 ms and printed 429 lines",
    "listening on http://127.0.0.1:5000/v1",
    "write ENOSPC: no space left on device, disk quota exceeded",
    "the process was terminated by signal 15",
    "Segmentation fault (core dumped)",
    "error code 1401",
    "",
]


@pytest.mark.parametrize(("trouble", "text"), RECORDED + KNOWN, ids=lambda value: str(value)[:60])
def test_what_agents_say_has_a_name(trouble: Trouble | None, text: str) -> None:
    assert classify(text, otherwise=None) is trouble


@pytest.mark.parametrize("text", QUOTED)
def test_a_number_or_word_that_is_merely_quoted_has_none(text: str) -> None:
    assert classify(text, otherwise=None) is None
    assert classify(text, otherwise=Trouble.CRASHED) is Trouble.CRASHED
    assert classify(text) is MODEL


def test_the_words_count_more_than_the_status_beside_them_and_that_more_than_a_hint() -> None:
    assert classify("terminated", http=500) is CUT  # this is how one agent tells of a broken stream
    assert classify("it failed", http=500, hint=UNREACHABLE) is MODEL
    assert classify("it failed", http=429) is RATE_LIMIT
    assert classify("it failed", http=403) is LOGIN
    assert classify("it failed", http=400, hint=UNREACHABLE) is UNREACHABLE
    assert classify("it failed", hint=RATE_LIMIT) is RATE_LIMIT


def test_an_endless_text_is_judged_by_its_beginning_and_at_once() -> None:
    began = time.process_time()
    assert classify("a 1 in 2 hours, resets at " * 100_000, otherwise=None) is None
    assert classify("x" * LONGEST + " rate limit", otherwise=None) is None
    resets_at("in " + "1 h, " * 1_000_000 + "!", NOW)
    resets_at("1 " * 1_000_000, NOW)
    assert time.process_time() - began < 1


NOW = datetime(2026, 11, 24, 16, 20, tzinfo=UTC)  # a Tuesday; 17:20 in Berlin, 11:20 in New York


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("Rate limit reached. Please try again in 20s.", timedelta(seconds=20)),
        ("Please try again in 1.5s", timedelta(seconds=1.5)),
        ("try again in 350ms", timedelta(seconds=0.35)),
        ("Please try again in 6m0s. Visit the site to learn more.", timedelta(minutes=6)),
        ("or try again in 2 hours 15 minutes.", timedelta(hours=2, minutes=15)),
        ("or try again in 3 days 4 hours 5 minutes.", timedelta(days=3, hours=4, minutes=5)),
        ("resets in 5 hours and 3 minutes", timedelta(hours=5, minutes=3)),
        ("Your quota will reset after 16h23m4s.", timedelta(hours=16, minutes=23, seconds=4)),
        ("Please retry in 17.1s.", timedelta(seconds=17.1)),
        ("It will reset in 1 day 2 hours. To continue using this model", timedelta(days=1, hours=2)),
        ("It will reset in less than a minute.", timedelta(minutes=1)),
        ('{"@type":"…/google.rpc.RetryInfo","retryDelay":"17s"}', timedelta(seconds=17)),
        ('"retryDelay": "17.5s"', timedelta(seconds=17.5)),
        ("429 Too Many Requests\nRetry-After: 30\n", timedelta(seconds=30)),
        ("'retry-after': '120'", timedelta(minutes=2)),
        ("retry after 30 seconds", timedelta(seconds=30)),
        ("Please wait 45 seconds before you try again", timedelta(seconds=45)),
        ('{"type":"usage_limit_reached","resets_in_seconds": 3600}', timedelta(hours=1)),
        ("Timed out after 30s; try again in 2 hours", timedelta(hours=2)),
    ],
)
def test_a_wait_counts_from_now(text: str, wait: timedelta) -> None:
    assert resets_at(text, NOW) == NOW + wait


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Claude usage limit reached|1795550400", datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        ("Claude AI usage limit reached|1795550400000", datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        ('{"plan_type":"plus","resets_at":1795550400}', datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        ("resets at 2026-11-24T20:00:00Z", datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        ("resets at 2026-11-24T21:00:00.123+01:00", datetime(2026, 11, 24, 20, 0, 0, 123000, tzinfo=UTC)),
        ("until 2026-11-24 20:00 UTC", datetime(2026, 11, 24, 20, 0, tzinfo=UTC)),
        ("5-hour limit reached ∙ resets 7pm (Europe/Berlin)", datetime(2026, 11, 24, 18, 0, tzinfo=UTC)),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", datetime(2026, 11, 25, 14, 0, tzinfo=UTC)),
        ("resets 10:30pm (America/New_York)", datetime(2026, 11, 25, 3, 30, tzinfo=UTC)),
        ("resets 12am (UTC)", datetime(2026, 11, 25, 0, 0, tzinfo=UTC)),
        ("resets Nov 26, 3pm (Europe/Berlin)", datetime(2026, 11, 26, 14, 0, tzinfo=UTC)),
        ("resets Nov 26 at 3:30pm (Europe/Berlin)", datetime(2026, 11, 26, 14, 30, tzinfo=UTC)),
        ("resets Jan 2, 9am (UTC)", datetime(2027, 1, 2, 9, 0, tzinfo=UTC)),
        ("resets Mar 2, 9am (UTC)", None),  # no limit lasts that long
        ("resets Dec 2, 9am (UTC)", datetime(2026, 12, 2, 9, 0, tzinfo=UTC)),
        ("resets Thursday, 5pm (UTC)", datetime(2026, 11, 26, 17, 0, tzinfo=UTC)),
        ("resets Tue 9am (UTC)", datetime(2026, 12, 1, 9, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_moment(text: str, moment: datetime | None) -> None:
    assert resets_at(text, NOW) == moment


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("limit reached ∙ resets at 7pm", datetime(2026, 11, 24, 18, 0, tzinfo=UTC)),
        ("resets at 15:00", datetime(2026, 11, 25, 14, 0, tzinfo=UTC)),
        ("or try again at 7:45 PM.", datetime(2026, 11, 24, 18, 45, tzinfo=UTC)),
        ("or try again at Nov 26th, 2026 3:45 PM.", datetime(2026, 11, 26, 14, 45, tzinfo=UTC)),
        ("resets 7pm (Nowhere/Atall)", datetime(2026, 11, 24, 18, 0, tzinfo=UTC)),
    ],
)
def test_a_clock_without_a_zone_is_this_machines(text: str, moment: datetime) -> None:
    assert resets_at(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "exceeded retry limit, last status: 429 Too Many Requests",
        "Rate limit exceeded. Try again later.",
        "This is usually temporary — try again in a moment.",
        "failed after 5 attempts",
        "resets 5",
        "resets at 25:99",
        "resets Feb 31, 3pm",
        "in 99999999999999999999 hours",
        "Retry-After: 99999999999999999999",
        "usage limit reached|1000000000",
    ],
)
def test_what_says_nothing_or_nonsense_has_no_moment(text: str) -> None:
    assert resets_at(text, NOW) is None
