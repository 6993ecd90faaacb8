"""The stream that keeps open pages true: small fragments that go to their places, nothing that moves what is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool

from server.bus import Signal
from server.domain.errors import NotFound
from server.domain.states import stands
from server.reading import terminal, visible
from server.services import changes, events, landings, runs
from server.services.narrows import Narrows
from server.web import live, rendering
from server.web.context import NarrowsDep
from server.web.done import of_landing
from server.web.runs import TOUCHED, at_work

router = APIRouter()

Watch = Literal["", "runs", "run", "change", "landings"]
PAUSE = 0.25  # seconds between two messages: nobody reads faster, and each costs a look at the database
NEWS = {("change", "presented"), ("change", "stalled"), ("change", "asked")}
FILLS_THE_DESK = NEWS | {("change", "restored"), ("landing", "failed"), ("landing", "cancelled"), ("landing", "undone")}
ID = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?")


@router.get("/live")
async def stream(
    request: Request,
    narrows: NarrowsDep,
    since: int | None = None,
    watch: Watch = "",
    number: int = 0,
    offset: int = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events for an open page: what it should know since the event that it saw last."""
    told = Teller(rendering.templates(request), narrows, watch, number, offset)
    last = last_event_id or (None if since is None else str(since))
    return StreamingResponse(told.stream(last), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


class Teller:
    """Tells one open page what changed.

    An id is the newest event told of, and for a transcript the offset that it has been shown to: a page that was
    asleep goes on from there.
    """

    def __init__(
        self, templates: Environment, narrows: Narrows, watch: Watch, number: int = 0, offset: int = 0
    ) -> None:
        self._templates = templates
        self._narrows = narrows
        self._watch = watch
        self._number = number
        self._offset = offset
        self._seen = 0
        self._came = 0

    async def stream(self, last_id: str | None) -> AsyncIterator[str]:
        if known := ID.fullmatch(last_id or ""):
            self._seen, self._offset = int(known[1]), int(known[2] or self._offset)
        else:
            self._seen = await run_in_threadpool(events.last_id, self._narrows)
        yield ": hello\n\n"
        if self._watch == "run" and (html := await run_in_threadpool(self._transcript)):
            yield self._message(html)
        async for batch in _batches(live.follow(self._narrows, self._seen)):
            if html := await run_in_threadpool(self._tell, batch):
                yield self._message(html)
            if any((signal.topic, signal.verb) in FILLS_THE_DESK for signal in batch):
                yield f"event: arrived\nid: {self._id}\ndata: {self._came}\n\n"

    @property
    def _id(self) -> str:
        return f"{self._seen}.{self._offset}" if self._watch == "run" else str(self._seen)

    def _message(self, html: str) -> str:
        lines = "".join(f"data: {line}\n" for line in html.split("\n"))
        return f"id: {self._id}\n{lines}\n"

    def _tell(self, batch: list[Signal]) -> str:
        self._seen = max([self._seen, *(signal.event_id or 0 for signal in batch)])
        self._came += sum((signal.topic, signal.verb) in NEWS for signal in batch)
        stored = any(signal.event_id is not None for signal in batch)
        return "".join([*(self._heads() if stored else ()), *self._outcomes(batch), *self._watched(batch, stored)])

    def _heads(self) -> Iterator[str]:
        nav = rendering.nav_of(self._narrows)
        counts = {"desk": nav.waiting, "backlog": nav.queued, "working": nav.working}
        for name, count in counts.items():
            yield _put(f"#count-{name}", str(count or ""))
        yield _put("#waits", visible.html(nav.sentence))
        if self._came:
            news = rendering.plural(self._came, "new change")
            yield _put("#news", f'{news} came to the desk. <a href="/">Go there</a>')

    def _outcomes(self, batch: list[Signal]) -> Iterator[str]:
        """Landings end while the person reads on: each outcome is a toast."""
        for signal in batch:
            if signal.topic == "landing" and signal.verb in ("landed", "failed", "undone", "undo_failed"):
                try:
                    toast = of_landing(landings.get(self._narrows, signal.id))
                except NotFound:
                    continue
                html = self._templates.get_template("_toast.html").render(toast=toast)
                yield _put("#toasts", html, "beforeend")

    def _watched(self, batch: list[Signal], stored: bool) -> Iterator[str]:
        if self._watch == "run":
            if any(signal.topic == "run" and signal.id == self._number for signal in batch):
                yield self._transcript()
        elif self._watch == "change":
            if any(signal.topic == "change" and signal.id == self._number for signal in batch):
                state = stands(changes.get(self._narrows, self._number).state)
                link = f'<a href="/changes/{self._number}">Show it as it is</a>'
                yield _put("#news", f"Change #{self._number} {state} now. {link}")
        elif self._watch == "landings":
            template = self._templates.get_template("landings/_landing.html")
            for number in dict.fromkeys(signal.id for signal in batch if signal.topic == "landing"):
                yield _put(f"#landing-{number}", template.render(landing=landings.get(self._narrows, number)))
        elif self._watch == "runs":
            if stored:
                runs_now = at_work(self._narrows)
                html = self._templates.get_template("runs/_runs.html").render(at_work=runs_now, most=TOUCHED)
                yield _put("#runs", html)
            for number, line in _last_lines(batch).items():
                yield _put(f"#run-{number} .last-line", visible.html(line))
            template = self._templates.get_template("runs/_touched.html")
            for number in {signal.id for signal in batch if (signal.topic, signal.verb) == ("run", "touched")}:
                names = runs.touched(self._narrows, number)
                yield _put(f"#run-{number} .touched", template.render(touched=names, most=TOUCHED))

    def _transcript(self) -> str:
        run = runs.get(self._narrows, self._number)
        read, offset = runs.transcript(self._narrows, self._number, self._offset)
        text = read if run.over else terminal.whole(read)
        self._offset = offset - len(read[len(text) :].encode())
        shown = visible.html(terminal.plain(text))
        return (_put("#transcript", shown, "beforeend") if shown else "") + _put(
            "#run-state", self._templates.get_template("runs/_state.html").render(run=run)
        )


def _last_lines(batch: list[Signal]) -> dict[int, str]:
    return {s.id: str(s.data.get("line", "")) for s in batch if s.topic == "run" and s.verb == "heard"}


def _put(target: str, html: str, swap: str = "innerHTML") -> str:
    """A fragment with the place that it goes to."""
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


async def _batches(signals: AsyncIterator[Signal]) -> AsyncIterator[list[Signal]]:
    """What came since the last batch, at most one batch a `PAUSE`."""
    gathered: asyncio.Queue[Signal | None] = asyncio.Queue()

    async def gather() -> None:
        try:
            async for signal in signals:
                gathered.put_nowait(signal)
        finally:
            gathered.put_nowait(None)

    task = asyncio.create_task(gather())
    try:
        while (first := await gathered.get()) is not None:
            batch = [first]
            await asyncio.sleep(PAUSE)
            while not gathered.empty() and (signal := gathered.get_nowait()) is not None:
                batch.append(signal)
            yield batch
            if task.done() and gathered.empty():
                break
        await task
    finally:
        task.cancel()
