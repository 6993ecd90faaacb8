"""Runs: what is at work right now, and what each one says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from server.domain.base import now
from server.domain.run import Run
from server.reading import hits, terminal
from server.reading.transcripts import Window
from server.services import cleaning, pauses, runs, tasks, transcripts
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

TOUCHED = 8  # files named for each run
Start = Annotated[int | None, Query(alias="from", ge=0, le=2**40)]
Words = Annotated[str, Query(alias="q", max_length=hits.LONGEST)]


@dataclass(frozen=True)
class AtWork:
    """A run as the live page shows it."""

    run: Run
    title: str
    touched: list[str]


def at_work(narrows: Narrows) -> list[AtWork]:
    """Every run at work, oldest first."""
    return [AtWork(run, title, runs.touched(narrows, run.id)) for run, title in runs.at_work(narrows)]


@router.get("/runs")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """What runs now."""
    return rendering.page(
        request,
        narrows,
        "runs/index.html",
        block="runs",
        at_work=at_work(narrows),
        most=TOUCHED,
        unsaved=cleaning.unsaved(narrows),
        live="/live?watch=runs",
        section="runs",
    )


@router.get("/runs/{run_id}")
def show(request: Request, narrows: NarrowsDep, run_id: int, start: Start = None, words: Words = "") -> Response:
    """One run with its transcript, which grows as the agent speaks; what is looked for in it, above it."""
    run = runs.get(narrows, run_id)
    wanted = words.strip()
    found = transcripts.search(narrows, run, wanted) if wanted else Window()
    here: dict[str, Any] = {"run": run, "since": began(run), "wanted": wanted, "found": found}
    if rendering.partial(request):
        return rendering.fragment(request, "runs/_found.html", **here)
    page = transcripts.page(narrows, run, start)
    return rendering.page(
        request,
        narrows,
        "runs/show.html",
        task=tasks.get(narrows, run.task_id),
        touched=runs.touched(narrows, run_id),
        most=TOUCHED,
        page=page,
        quiet=quiet(run),
        held_up=pauses.held_up(narrows, run),
        old=transcripts.old_end(narrows, run_id) if transcripts.is_old(narrows, run_id) else None,
        has_stream=transcripts.has_stream(narrows, run_id),
        live=_live(run, page),
        section="runs",
        **here,
    )


def _live(run: Run, page: transcripts.Page) -> str:
    """What the page hears: of the run while it is at work, and of its words where the newest are shown."""
    if run.over:
        return "/live"
    told = "" if page.window.more else f"&from={page.window.start}&offset={page.window.end}"
    return f"/live?watch=run&number={run.id}{told}"


def began(run: Run) -> float | None:
    """The start of a run in seconds since the epoch."""
    return run.started_at.timestamp() if run.started_at else None


def quiet(run: Run) -> float | None:
    """For how many seconds a run at work has not said a word, where that is worth saying."""
    return (now() - run.quiet_since).total_seconds() if run.quiet_since and not run.over else None


@router.post("/runs/{run_id}/stop")
def stop(request: Request, narrows: NarrowsDep, run_id: int) -> Response:
    """Ask for a run's end."""
    run = runs.stop(narrows, run_id)
    return rendering.go(request, f"/?done=stopped-{run.change_id}")


@router.get("/runs/{run_id}/transcript")
def show_transcript(narrows: NarrowsDep, run_id: int) -> Response:
    """All that the agent said and did, as text."""
    return StreamingResponse(transcripts.whole(narrows, run_id), media_type="text/plain; charset=utf-8")


@router.get("/runs/{run_id}/entries/{offset}")
def show_entry(request: Request, narrows: NarrowsDep, run_id: int, offset: int) -> Response:
    """The whole text of one entry, such as a tool's output; as a piece of the page or on its own."""
    entry = transcripts.entry(narrows, run_id, offset)
    if rendering.partial(request):
        return rendering.fragment(request, "runs/_whole.html", entry=entry)
    return PlainTextResponse(terminal.plain(entry.text))


@router.get("/runs/{run_id}/stream")
def show_stream(narrows: NarrowsDep, run_id: int) -> Response:
    """What was exchanged with the agent, as it was, to be kept."""
    kept = f'attachment; filename="narrows-run-{run_id}-stream.txt"'
    return StreamingResponse(
        transcripts.stream(narrows, run_id),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": kept},
    )
