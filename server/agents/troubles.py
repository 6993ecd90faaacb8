"""From the words of an error to its name, and to when a limit is lifted.

The wordings are those that agents and their providers really use; only the texts of errors are looked at, never the
words of an agent's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from server.domain.trouble import Trouble

LONGEST = 4000  # characters that are looked at
FARTHEST = timedelta(days=40)  # no limit lasts longer; what says so is nonsense

# What is said so plainly that no number beside it counts. The first that matches wins.
PLAIN: tuple[tuple[Trouble, tuple[str, ...]], ...] = (
    (
        Trouble.RATE_LIMIT,
        (
            r"rate[ _-]?limit",
            r"usage[ _-]?limit",
            r"spend(?:ing)?[ _]limit",
            r"hit your (?:[\w-]+ ){0,2}limit|reached your (?:[\w-]+ ){0,3}limit",
            r"\d[ -]hour limit|(?:hourly|daily|weekly|monthly|session|free) limit reached",
            r"too many requests",
            r"(?<!disk )quota",
            r"resource[ _]exhausted",
            r"out of (?:[\w-]+ )?credits|credit balance is too low|out of usage|insufficient (?:funds|balance|credits)",
            r"free usage exceeded|tokens per (?:min|day)",
        ),
    ),
    (
        Trouble.REFUSED,
        (
            r"usage polic(?:y|ies)|policy violation|violates? (?:our|the) (?:\w+ ){0,2}polic",
            r"content[ _]filter|prohibited[ _]content|blocked (?:due to|by) (?:\w+ )?safety|flagged (?:for|as) ",
            r"invalid_prompt",
        ),
    ),
    (
        Trouble.LIMIT,
        (
            r"max(?:imum)?[ _-](?:number of |session )?(?:turns|budget)|(?:session )?budget exceeded",
            r"prompt is too long|context[ _](?:window|length)|maximum context|request[ _]too[ _]large",
            r"input token count\b.{0,40}\bexceeds",
        ),
    ),
)

# A status of HTTP in an error's text: introduced by a word that makes it one, or at the very beginning.
STATUS = re.compile(
    r"(?:^\W*|\b(?:status(?: code)?|code|http(?:/[\d.]+)?|rejected|returned|error|\w*(?:api|http)\w*error)\b\W{1,4}"
    r"(?:(?!(?:line|column|row|port|page|exit)\b)[a-z]+ )?)([45]\d\d)\b(?!\s*(?:m?s|seconds|tokens|bytes|lines)\b)",
    re.IGNORECASE,
)
STATUSES: dict[int, Trouble] = {
    401: Trouble.LOGIN,
    402: Trouble.RATE_LIMIT,
    403: Trouble.LOGIN,
    413: Trouble.LIMIT,
    429: Trouble.RATE_LIMIT,
}

# The rest, the cause before what it caused: a refused connection also breaks off a stream.
OTHERWISE: tuple[tuple[Trouble, tuple[str, ...]], ...] = (
    (
        Trouble.LOGIN,
        (
            r"unauthori[sz]ed|unauthenticated|permission_denied|invalid_grant",
            r"authentication (?:is )?required|authentication[ _](?:failed|error)|failed to authenticate|invalid auth",
            r"(?:invalid|incorrect|missing|expired|no|set an?|provide an?)(?: [\w-]+)? api[ _-]?key",
            r"api[ _-]?key (?:is )?(?:not|invalid|missing|expired|required|authentication)",
            r"/login\b|not logged in|log ?in (?:again|expired|required|first)|please (?:log|sign) ?in|sign in again",
            r"session (?:has )?expired|(?:refresh|access|oauth|auth)[ _]tokens?\b|credentials?\b|api_key_invalid",
        ),
    ),
    (
        Trouble.UNREACHABLE,
        (
            r"econnrefused|connection refused|enotfound|eai_again|ehostunreach|enetunreach|etimedout",
            r"getaddrinfo|failed to lookup address|name or service not known|no route to host|network is unreachable",
            r"unable to connect|could not connect|failed to connect|error sending request|fetch failed|failed to fetch",
            r"connection error|connection failed|connect(?:ion)? time(?:out|d out)|request timed out|certificate",
            r"waiting for network|reconnecting to \w",
        ),
    ),
    (
        Trouble.CUT,
        (
            r"stream (?:disconnected|ended|closed|was interrupted|idle)|error decoding response body",
            r"econnreset|connection reset|epipe|broken pipe|socket hang up|other side closed|premature(?:ly)? clos",
            r"connection (?:was |is )?(?:closed|dropped|lost)|closed unexpectedly|unexpected end of",
            r"incomplete (?:json|response|chunk)|(?:operation|request) was aborted",
            r"^\W*(?:(?:api|internal) error\W+)*terminated\b",
        ),
    ),
    (
        Trouble.MODEL,
        (
            r"overloaded|high (?:demand|load)|at capacity|(?:service|temporarily|currently)[ _]unavailable",
            r"server[ _]error|api_error|bad gateway|gateway time-?out|status\W{1,4}internal\b",
            r"model[ _]not[ _]found|not_found_error|unknown model|retrying \w+, attempt",
        ),
    ),
)


def classify(
    text: str, *, http: int | None = None, hint: Trouble | None = None, otherwise: Trouble | None = Trouble.MODEL
) -> Trouble | None:
    """The trouble that an error's text tells of.

    Args:
        text: The error in the agent's words, and nothing else: words of its work would be misread.
        http: The status that the model's service answered, where the agent tells it apart from the text.
        hint: What the protocol says it is, believed where neither text nor status says anything.
        otherwise: The answer where nothing says anything.
    """
    text = text[:LONGEST]
    if told := _first(PLAIN, text) or _by_status(_status_in(text)):
        return told
    return _first(OTHERWISE, text) or _by_status(http) or hint or otherwise


def _first(table: tuple[tuple[Trouble, tuple[str, ...]], ...], text: str) -> Trouble | None:
    for trouble, patterns in table:
        if any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns):
            return trouble
    return None


def _status_in(text: str) -> int | None:
    found = STATUS.search(text)
    return int(found[1]) if found else None


def _by_status(status: int | None) -> Trouble | None:
    if status is None:
        return None
    return STATUSES.get(status) or (Trouble.MODEL if status >= 500 else None)


# When a limit is lifted

_EPOCH = re.compile(r"(?:\||reset\w*\W{1,4}(?:at\W{1,3})?)([12]\d{9})(?:\d{3})?\b", re.IGNORECASE)
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?\d*(?: ?UTC|Z|[+-]\d\d:?\d\d)?")
_SPAN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?) ?"
    r"(?:(?P<ms>ms|milliseconds?)|(?P<s>s|secs?|seconds?)|(?P<m>m|mins?|minutes?)|(?P<h>h|hrs?|hours?)|(?P<d>d|days?))"
    r"(?![a-z])",
    re.IGNORECASE,
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURING = r"(?P<spans>(?:\d+(?:\.\d+)? ?[a-z]+(?:[\s,]+(?:and )?)?)+)"
_AFTER = re.compile(
    rf"(?:\b(?:in|after|wait(?: for)?)|delay\W{{1,4}}|retry[ _-]?after\W{{1,4}}) ?{_DURING}", re.IGNORECASE
)
_BARE = re.compile(
    r"(?:retry[ _-]?after(?:[ _-]?seconds)?|resets?_(?:in|after)_seconds)\W{1,4}(\d+(?:\.\d+)?)(?![\w:.-])",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(
    r"(?:\bresets?|again|until|reset at|available)\W{1,3}(?:(?:at|on|by) )?"
    rf"(?:(?P<weekday>{'|'.join(_DAYS)})[a-z]*,? (?:at )?)?"
    rf"(?:(?P<month>{'|'.join(_MONTHS)})[a-z]* (?P<day>\d\d?)(?:st|nd|rd|th)?,? (?:(?P<year>\d{{4}}),? )?(?:at )?)?"
    r"(?P<hour>\d\d?)(?::(?P<minute>\d\d))?\s?(?P<half>[ap]\.?m\b)?"
    r"(?: ?\(?(?P<zone>[A-Z][A-Z_+-]+(?:/[\w+-]+)*)\)?)?",
    re.IGNORECASE,
)


def resets_at(text: str, now: datetime) -> datetime | None:
    """When the limit that the text tells of is lifted, in UTC; None where it does not say, or says nonsense.

    Args:
        text: The error in the agent's or its provider's words.
        now: An aware time, from which "in 20s" and "at 3pm" count. A clock without a zone is this machine's.
    """
    now = now.astimezone(UTC)
    for moment in _moments(text[:LONGEST], now):
        if abs(moment - now) <= FARTHEST:
            return moment
    return None


def _moments(text: str, now: datetime) -> Iterator[datetime]:
    """What the text may mean, the plainest first."""
    if epoch := _EPOCH.search(text):
        yield datetime.fromtimestamp(int(epoch[1]), UTC)
    if (iso := _ISO.search(text)) and (moment := _iso(iso[0])):
        yield moment
    for after in reversed(list(_AFTER.finditer(text))):  # "timed out after 30s, try again in 2 hours"
        if spans := list(_SPAN.finditer(after["spans"])):
            yield now + timedelta(seconds=sum(map(_seconds, spans)))
    if bare := _BARE.search(text):
        yield now + timedelta(seconds=min(float(bare[1]), 1e8))
    if re.search(r"in less than a minute", text, re.IGNORECASE):
        yield now + timedelta(minutes=1)
    if (clock := _CLOCK.search(text)) and (moment := _clock(clock, now)):
        yield moment


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub(r" ?UTC$", "Z", text))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(span: re.Match[str]) -> float:
    assert span.lastgroup is not None
    return min(float(span["number"]), 1e6) * _SECONDS[span.lastgroup]


def _clock(clock: re.Match[str], now: datetime) -> datetime | None:
    """The next time at which clocks show this. A bare number is no clock: it needs minutes or a half of the day."""
    if not (clock["half"] or clock["minute"]):
        return None
    here = now.astimezone(_zone(clock["zone"]))
    try:
        told = here.replace(hour=_hour(clock), minute=int(clock["minute"] or 0), second=0, microsecond=0)
        if clock["month"]:
            month = _MONTHS.index(clock["month"].lower()) + 1
            told = told.replace(year=int(clock["year"] or here.year), month=month, day=int(clock["day"]))
            if not clock["year"] and told < here - timedelta(days=1):
                told = told.replace(year=here.year + 1)
        elif clock["weekday"]:
            told += timedelta(days=(_DAYS.index(clock["weekday"].lower()) - here.weekday()) % 7)
            told += timedelta(days=7 if told < here else 0)
        elif told < here:
            told += timedelta(days=1)
    except ValueError:
        return None
    return told.astimezone(UTC)


def _hour(clock: re.Match[str]) -> int:
    hour = int(clock["hour"])
    if not clock["half"]:
        return hour
    return hour % 12 + (12 if clock["half"].lower().startswith("p") else 0)


def _zone(name: str | None) -> tzinfo | None:
    """The zone by its name; None, which is this machine's, where there is no such name."""
    if name and name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # of them ZoneInfoNotFoundError
        return None
