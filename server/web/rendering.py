"""Pages from templates: the environment, its filters, and whole pages or blocks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from server import assets, plain_text
from server.domain.base import now, shown
from server.domain.states import words
from server.reading import answers, hits, markdown, suggestions, terminal, usage, visible
from server.reading import words as words_of
from server.services import checks, desk
from server.services.narrows import Narrows
from server.web import done, hints, passages, static_files, told
from server.web.context import newest_event

PIECE = 65_536  # characters of a streamed page that are sent at a time
BEGINNING = 8_192  # of its first piece: with its title and what was asked for


def environment() -> Environment:
    """Templates that escape everything and refuse a name that nobody gave them."""
    made = Environment(
        loader=FileSystemLoader(assets.templates()),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # each piece of each file would ask the disk whether its template has changed
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": ago,
        "amount": plain_text.amount,
        "answer_kind": answers.kind,
        "clock": clock,
        "excerpt": excerpt,
        "line_changed": lambda line: Markup(words_of.mark(visible.html(line.text), line.changed)),
        "marked": lambda html, wanted: Markup(hits.mark(html, wanted)),
        "markdown": lambda text: Markup(markdown.html(text)),
        "minutes": minutes,
        "plural": plural,
        "second_try": checks.second_try,
        "seconds": seconds,
        "stretches": stretches,
        "terminal": lambda text: Markup(visible.html(terminal.plain(text))),
        "seen": lambda text: Markup(visible.html(text)),
        "shown": shown,
        "told": told.told,
        "usage": usage.words,
        "usage_sum": lambda usages: usage.total(usages).words,
        "said": suggestions.parts,
        "verdict": told.verdict,
        "words": words,
    }
    made.globals |= {"asset": static_files.asset, "modules": static_files.modules} | hints.GLOBALS
    made.globals |= {"report_of": passages.report_of, "nav": None, "done": None, "live": "/live", "section": ""}
    made.globals |= {"unscripted": None}  # what happened since the last page of reading
    made.globals |= {"judged": ()}  # a landing's checks, where its receipt is shown without them
    return made


@dataclass(frozen=True)
class Nav:
    """What the head of every page says."""

    waiting: int
    minutes: float
    working: int
    queued: int
    limit: str  # what keeps new tasks from starting, and until when
    paused: bool  # by the budget
    since: int  # the newest event that the page knows of
    shortage: str = ""  # why nothing new starts, where the disk is nearly full

    @classmethod
    def of(cls, seen: desk.Desk, since: int) -> Nav:
        return cls(
            since=since,
            shortage=seen.shortage,
            waiting=seen.waiting_count,
            minutes=seen.budget.waiting_minutes,
            working=seen.working,
            queued=seen.queued,
            limit=seen.limit,
            paused=seen.budget.paused,
        )

    @property
    def sentence(self) -> str:
        """What waits for the reader, and which limit holds for the backlog; the budget's own says both."""
        line = f"{self.waiting} waiting, about {minutes(self.minutes)}" if self.waiting else "nothing waits"
        if self.paused:
            return self.limit
        return f"{line}. {self.limit}" if self.limit else line


def page(
    request: Request,
    narrows: Narrows,
    template: str,
    *,
    status: int = 200,
    block: str = "",
    nav: Nav | None = None,
    stream: bool = False,
    **context: Any,
) -> Response:
    """The whole page, or only its `block` where htmx asks for a part. `stream`: sent piece by piece as it is made."""
    found = templates(request).get_template(template)
    context |= {"request": request}
    if block and partial(request):
        return HTMLResponse("".join(found.blocks[block](found.new_context(context))), status, headers=_headers(status))
    context |= {
        "nav": nav or nav_of(narrows, newest_event(request)),
        "done": done.find(narrows, request.query_params.get("done")),
    }
    if stream:
        pieces = gathered(found.generate(context))
        return StreamingResponse(pieces, status, media_type="text/html", headers=_headers(status))
    return HTMLResponse(found.render(context), status, headers=_headers(status))


def gathered(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in fewer pieces: the first soon, so that the browser begins, but with what the page is about."""
    waiting: list[str] = []
    size, least = 0, BEGINNING
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= least:
            yield "".join(waiting)
            waiting.clear()
            size, least = 0, min(PIECE, least * 2)
    yield "".join(waiting)


def nav_of(narrows: Narrows, since: int) -> Nav:
    """The head as it is now, for a page that knows of what happened up to the event `since`."""
    return Nav.of(desk.desk(narrows, limit=0), since)


def fragment(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A shared piece of pages, on its own."""
    text = templates(request).get_template(template).render(context | {"request": request})
    return HTMLResponse(text, status, headers=_headers(status))


def _headers(status: int) -> dict[str, str]:
    """A refused form comes back into its own place (see toasts.js); any other error becomes a toast."""
    return {"Vary": "HX-Request"} | ({"HX-Own": "true"} if status >= 400 else {})


def templates(request: Request) -> Environment:
    return cast(Environment, request.app.state.templates)


def partial(request: Request) -> bool:
    """Whether htmx asks, and wants a part of the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def go(request: Request, path: str) -> Response:
    """On to another page, after something was done."""
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def ago(moment: datetime | None) -> Markup:
    """A moment as a time element: how long ago, with the exact time as its title."""
    if moment is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        _distance((now() - moment).total_seconds()),
    )


def _distance(passed: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if passed >= size:
            return f"{passed // size:.0f} {unit} ago"
    return "just now"


def clock(moment: datetime) -> Markup:
    """A moment near now as a time element: the time of day where the server is, with the exact time as its title."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        moment.astimezone().strftime("%H:%M"),
    )


def minutes(value: float) -> str:
    """Minutes as a person says them."""
    whole = max(1, round(value)) if value else 0
    return f"{whole} min" if whole < 120 else f"{whole // 60} h {whole % 60} min"


def seconds(value: float | None) -> str:
    """Seconds as a person reads them."""
    if value is None:
        return ""
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else f"{value // 60:.0f} min {value % 60:.0f} s"


def stretches(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as first and last of each row of them without a gap."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def excerpt(text: str, lines: int = 3, characters: int = 400) -> str:
    """The first lines of a text that say something."""
    said = [line for line in text.splitlines() if line.strip()]
    return "\n".join(said[:lines])[:characters]


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 file, 3 files."""
    return f"{count} {one if count == 1 else many or one + 's'}"
