"""The stream that keeps open pages true: small fragments that go to their places, nothing that moves what is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool

from server.bus import Signal
from server.domain.errors import NotFound
from server.domain.states import stands
from server.reading import visible
from server.services import (
    changes,
    checks,
    counterproofs,
    coverage,
    events,
    flags,
    forecasts,
    landings,
    projects,
    rebases,
    revisions,
    risks,
    runs,
    tasks,
)
from server.services.forecasts import Outlook
from server.services.narrows import Narrows
from server.web import agents, live, rendering
from server.web.context import NarrowsDep
from server.web.done import of_landing
from server.web.runs import TOUCHED, at_work
from server.web.watched_run import WatchedRun
from server.web.watched_run import put as _put

router = APIRouter()

Watch = Literal["", "runs", "run", "task", "tasks", "change", "landings", "agents"]
Offset = Annotated[int | None, Query(ge=0, le=2**40)]
PAUSE = 0.25  # seconds between two messages: nobody reads faster, and each costs a look at the database
LULL = 1.0  # seconds of silence after which a transcript is looked at once more: its last words are told of late
NEWS = {("change", "presented"), ("change", "stalled"), ("change", "asked")}
FILLS_THE_DESK = NEWS | {("change", "restored"), ("landing", "failed"), ("landing", "cancelled"), ("landing", "undone")}
WEIGHED = ("examined", "covered", "weighed")
FORESEEN = ("forecast", "change")  # after news of these, a forecast says something else
ID = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?")


@router.get("/live")
async def stream(
    request: Request,
    narrows: NarrowsDep,
    since: int | None = None,
    watch: Watch = "",
    number: int = 0,
    start: Annotated[int, Query(alias="from", ge=0, le=2**40)] = 0,
    offset: Offset = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events for an open page: what it should know since the event that it saw last."""
    told = Teller(rendering.templates(request), narrows, watch, number, start, offset)
    last = last_event_id or (None if since is None else str(since))
    return StreamingResponse(told.stream(last), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


class Teller:
    """Tells one open page what changed.

    An id is the newest event told of, and for a transcript the offset that it has been shown to: a page that was
    asleep goes on from there. `start` is where the transcript on the page starts; without an `offset` it shows none
    that grows.
    """

    def __init__(
        self,
        templates: Environment,
        narrows: Narrows,
        watch: Watch,
        number: int = 0,
        start: int = 0,
        offset: int | None = None,
    ) -> None:
        self._templates = templates
        self._narrows = narrows
        self._watch = watch
        self._number = number
        self._start = start
        self._offset = offset
        self._run: WatchedRun | None = None
        self._seen = 0
        self._came = 0
        self._other = False  # whether the watched change is another than on the page: no other news takes its place

    async def stream(self, last_id: str | None) -> AsyncIterator[str]:
        if known := ID.fullmatch(last_id or ""):
            self._seen = int(known[1])
            self._offset = int(known[2]) if known[2] and self._offset is not None else self._offset
        else:
            self._seen = await run_in_threadpool(events.last_id, self._narrows)
        if self._watch == "run":
            self._run = WatchedRun(self._templates, self._narrows, self._number, self._start, self._offset)
        yield ": hello\n\n"
        async for message in self._words([]):
            yield message
        lull = LULL if self._run else None
        async for batch in _batches(live.follow(self._narrows, self._seen), lull):
            if html := await run_in_threadpool(self._tell, batch):
                yield self._message(html)
            async for message in self._words(batch):
                yield message
            if any((signal.topic, signal.verb) in FILLS_THE_DESK for signal in batch):
                yield f"event: arrived\nid: {self._id}\ndata: {self._came}\n\n"

    async def _words(self, batch: list[Signal]) -> AsyncIterator[str]:
        """What the watched run said since: after a signal about it, and after a lull."""
        if self._run and (not batch or _about(batch, "run", self._number)):
            pieces = self._run.pieces()
            while html := await run_in_threadpool(next, pieces, ""):
                yield self._message(html)
            if html := await run_in_threadpool(self._run.head):
                yield self._message(html)

    @property
    def _id(self) -> str:
        offset = self._run.offset if self._run else None
        return str(self._seen) if offset is None else f"{self._seen}.{offset}"

    def _message(self, html: str) -> str:
        lines = "".join(f"data: {line}\n" for line in html.split("\n"))
        return f"id: {self._id}\n{lines}\n"

    def _tell(self, batch: list[Signal]) -> str:
        self._seen = max([self._seen, *(signal.event_id or 0 for signal in batch)])
        self._came += sum((signal.topic, signal.verb) in NEWS for signal in batch)
        stored = any(signal.event_id is not None for signal in batch)
        return "".join([*(self._heads() if stored else ()), *self._outcomes(batch), *self._watched(batch, stored)])

    def _heads(self) -> Iterator[str]:
        nav = rendering.nav_of(self._narrows, self._seen)
        counts = {"desk": nav.waiting, "backlog": nav.queued, "working": nav.working}
        for name, count in counts.items():
            yield _put(f"#count-{name}", str(count or ""))
        yield _put("#waits", visible.html(nav.sentence))
        yield _put("#shortage", self._templates.get_template("trash/_shortage.html").render(shortage=nav.shortage))
        if self._came and not self._other:
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
                html = self._templates.get_template("_toast.html").render(toast=toast, news=True)
                yield _put("#toasts", html, "beforeend")

    def _watched(self, batch: list[Signal], stored: bool) -> Iterator[str]:
        if self._run:
            if any(signal.verb == "touched" for signal in _of(batch, "run", self._number)):
                yield self._run.touched()
        elif self._watch == "task":
            yield from self._task(batch, stored)
        elif self._watch == "change":
            if _about(batch, "change", self._number):
                state = stands(changes.get(self._narrows, self._number).state)
                link = f'<a href="/changes/{self._number}">Show it as it is</a>'
                self._other = True
                yield _put("#news", f"<span data-own>Change #{self._number} {state} now. {link}</span>")
            yield from self._forecasts(batch)
            yield from self._evidence(batch)
            yield from self._weighed(batch)
        elif self._watch == "tasks":
            yield from self._forecasts(batch)
        elif self._watch == "landings":
            template = self._templates.get_template("landings/_landing.html")
            for number in dict.fromkeys(signal.id for signal in batch if signal.topic == "landing"):
                landing, judged = landings.get(self._narrows, number), checks.of_landing(self._narrows, number)
                project = projects.get(self._narrows, landing.project_id)
                yield _put(f"#landing-{number}", template.render(landing=landing, judged=judged, project=project))
        elif self._watch == "agents":
            yield from agents.of_trials(self._narrows, self._templates, batch, self._number)
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

    def _forecasts(self, batch: list[Signal]) -> Iterator[str]:
        """What the waiting changes of the projects that something moved in have before them, where it stands."""
        moved = {int(s.data["project_id"]) for s in batch if s.topic in FORESEEN and s.event_id is not None}
        for project_id in moved:
            for number, outlook in forecasts.outlooks(self._narrows, project_id).items():
                pill = self._templates.get_template("ui.html").module.prospect(outlook)  # type: ignore[attr-defined]
                yield _put(f"#prospect-{number}", pill, "outerMorph")
                if self._watch == "change" and number == self._number:
                    yield from self._foreseen(outlook)

    def _foreseen(self, outlook: Outlook) -> Iterator[str]:
        """The same on the change's own page, and what can be done about it."""
        moved = rebases.moved(self._narrows, outlook)
        for place, name in (
            ("forecast", "forecast"),
            ("consequence", "consequence"),
            ("moved", "moved"),
            (f"up-to-date-{outlook.revision}", "up_to_date"),
        ):
            html = self._templates.get_template(f"changes/_{name}.html").render(outlook=outlook, moved=moved)
            yield _put(f"#{place}", html, "outerMorph")

    def _evidence(self, batch: list[Signal]) -> Iterator[str]:
        """What was found out about its revisions meanwhile, where it stands."""
        for revision_id in {
            s.data["revision_id"] for s in _named(batch, "counterproof") if s.data["change"] == self._number
        }:
            revision = revisions.whole(self._narrows, revision_id)[0]
            found = counterproofs.of_revision(self._narrows, revision_id)
            html = self._templates.get_template("changes/_counterproof.html").render(
                revision=revision, counterproof=found
            )
            yield _put(f"#counterproof-{revision_id}", html, "outerMorph")
        examined = [
            s for s in _named(batch, "revision") if s.verb == "examined" and s.data["change_id"] == self._number
        ]
        for revision_id in {signal.id for signal in examined}:
            html = self._templates.get_template("changes/_flags.html").render(
                change=changes.get(self._narrows, self._number),
                revision=revisions.whole(self._narrows, revision_id)[0],
                flags=flags.of_revision(self._narrows, revision_id),
                places={},
            )
            yield _put(f"#flags-{revision_id}", html, "outerMorph")

    def _weighed(self, batch: list[Signal]) -> Iterator[str]:
        """How much attention the change's revisions deserve, where more is known of one."""
        template = self._templates.get_template("changes/_risk.html")
        told = [signal for signal in batch if signal.topic == "revision" and signal.verb in WEIGHED]
        for number in dict.fromkeys(signal.id for signal in told if signal.data.get("change_id") == self._number):
            revision, _ = revisions.whole(self._narrows, number)
            found = risks.of_revision(self._narrows, number), coverage.of_revision(self._narrows, number)
            html = template.render(revision=revision, risk=found[0], coverage=found[1], places={})
            yield _put(f"#risk-{number}", html, "outerMorph")

    def _task(self, batch: list[Signal], stored: bool) -> Iterator[str]:
        """What came of a task so far, and the newest line of each of its runs."""
        if stored:
            standing = tasks.standing(self._narrows, self._number)
            yield _put("#came", self._templates.get_template("runs/_of_task.html").render(standing=standing))
        for number, line in _last_lines(batch).items():
            if runs.get(self._narrows, number).task_id == self._number:
                yield _put(f"#run-{number} .last-line", visible.html(line))


def _named(batch: list[Signal], topic: str) -> list[Signal]:
    """What was told of a noun, and is written down."""
    return [signal for signal in batch if signal.topic == topic and signal.event_id is not None]


def _of(batch: list[Signal], topic: str, number: int) -> list[Signal]:
    return [signal for signal in batch if signal.topic == topic and signal.id == number]


def _about(batch: list[Signal], topic: str, number: int) -> bool:
    return bool(_of(batch, topic, number))


def _last_lines(batch: list[Signal]) -> dict[int, str]:
    return {s.id: str(s.data.get("line", "")) for s in batch if s.topic == "run" and s.verb == "heard"}


async def _batches(signals: AsyncIterator[Signal], lull: float | None = None) -> AsyncIterator[list[Signal]]:
    """What came since the last batch, at most one a `PAUSE`; after `lull` seconds of silence an empty one, once."""
    gathered: asyncio.Queue[Signal | None] = asyncio.Queue()

    async def gather() -> None:
        try:
            async for signal in signals:
                gathered.put_nowait(signal)
        finally:
            gathered.put_nowait(None)

    task = asyncio.create_task(gather())
    wait = lull
    try:
        while True:
            try:
                first = await asyncio.wait_for(gathered.get(), wait)
            except TimeoutError:
                wait = None
                yield []
                continue
            if first is None:
                break
            batch = [first]
            await asyncio.sleep(PAUSE)
            while not gathered.empty() and (signal := gathered.get_nowait()) is not None:
                batch.append(signal)
            yield batch
            wait = lull
            if task.done() and gathered.empty():
                break
        await task
    finally:
        task.cancel()
