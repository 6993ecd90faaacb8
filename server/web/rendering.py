"""Pages from templates: the environment, its filters, and whole pages or blocks of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from server import assets
from server.domain.base import now, shown
from server.domain.states import words
from server.reading import hits, markdown, terminal, usage, visible
from server.services import desk, events
from server.services.narrows import Narrows
from server.web import done


def environment() -> Environment:
    """Templates that escape everything and refuse a name that nobody gave them."""
    made = Environment(
        loader=FileSystemLoader(assets.templates()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": ago,
        "clock": clock,
        "excerpt": excerpt,
        "marked": lambda html, wanted: Markup(hits.mark(html, wanted)),
        "markdown": lambda text: Markup(markdown.html(text)),
        "minutes": minutes,
        "plural": plural,
        "seconds": seconds,
        "terminal": lambda text: Markup(visible.html(terminal.plain(text))),
        "seen": lambda text: Markup(visible.html(text)),
        "shown": shown,
        "usage": usage.words,
        "usage_sum": lambda usages: usage.total(usages).words,
        "words": words,
    }
    made.globals |= {"asset": asset, "nav": None, "done": None, "live": "/live", "section": ""}
    return made


@dataclass(frozen=True)
class Nav:
    """What the head of every page says."""

    waiting: int
    minutes: float
    working: int
    queued: int
    budget: int
    paused: bool
    since: int  # the newest event that the page knows of

    @classmethod
    def of(cls, seen: desk.Desk, since: int) -> Nav:
        return cls(
            since=since,
            waiting=seen.waiting_count,
            minutes=seen.budget.waiting_minutes,
            working=seen.working,
            queued=seen.queued,
            budget=seen.budget.minutes,
            paused=seen.budget.paused,
        )

    @property
    def sentence(self) -> str:
        """What waits for the reader, and what that does to the backlog."""
        if not self.waiting:
            return "nothing waits"
        line = f"{self.waiting} waiting, about {minutes(self.minutes)}"
        return f"{line}; new tasks paused, your budget is {self.budget} min" if self.paused else line


def page(
    request: Request,
    narrows: Narrows,
    template: str,
    *,
    status: int = 200,
    block: str = "",
    nav: Nav | None = None,
    **context: Any,
) -> Response:
    """The whole page, or only its `block` where htmx asks for a part."""
    found = templates(request).get_template(template)
    if block and partial(request):
        text = "".join(found.blocks[block](found.new_context(context | {"request": request})))
    else:
        head = nav or nav_of(narrows)
        told = done.find(narrows, request.query_params.get("done"))
        text = found.render(context | {"request": request, "nav": head, "done": told})
    return HTMLResponse(text, status, headers=_headers(status))


def nav_of(narrows: Narrows) -> Nav:
    """The head as it is now. The event is read first: what happens in between is told twice rather than never."""
    since = events.last_id(narrows)
    return Nav.of(desk.desk(narrows, limit=1), since)


def fragment(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """A shared piece of pages, on its own."""
    text = templates(request).get_template(template).render(context | {"request": request})
    return HTMLResponse(text, status, headers=_headers(status))


def _headers(status: int) -> dict[str, str]:
    """A refused form comes back into its own place (see app.js); any other error becomes a toast."""
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


@cache
def asset(name: str) -> str:
    """The URL of a static file, with its version."""
    digest = hashlib.sha256((assets.static() / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


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


def excerpt(text: str, lines: int = 3, characters: int = 400) -> str:
    """The first lines of a text that say something."""
    said = [line for line in text.splitlines() if line.strip()]
    return "\n".join(said[:lines])[:characters]


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 file, 3 files."""
    return f"{count} {one if count == 1 else many or one + 's'}"
