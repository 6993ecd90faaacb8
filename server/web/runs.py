"""Runs: what is at work right now, and what each one says."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from server.domain.run import Run
from server.reading import terminal
from server.services import runs, tasks
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

TOUCHED = 8  # files named for each run
TAIL = 200_000  # bytes of a transcript that its page starts with
WHOLE = 64_000_000  # bytes: more than a transcript may have


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
        live="/live?watch=runs",
        section="runs",
    )


@router.get("/runs/{run_id}")
def show(request: Request, narrows: NarrowsDep, run_id: int) -> Response:
    """One run with its transcript, which grows as the agent speaks."""
    run = runs.get(narrows, run_id)
    text, offset, cut = _tail(narrows, run_id)
    live = "/live" if run.over else f"/live?watch=run&number={run_id}&offset={offset}"
    return rendering.page(
        request,
        narrows,
        "runs/show.html",
        run=run,
        task=tasks.get(narrows, run.task_id),
        touched=runs.touched(narrows, run_id),
        text=text,
        cut=cut,
        live=live,
        section="runs",
    )


@router.post("/runs/{run_id}/stop")
def stop(request: Request, narrows: NarrowsDep, run_id: int) -> Response:
    """Ask for a run's end."""
    run = runs.stop(narrows, run_id)
    return rendering.go(request, f"/?done=stopped-{run.change_id}")


@router.get("/runs/{run_id}/transcript")
def show_transcript(narrows: NarrowsDep, run_id: int) -> Response:
    """All that the agent said, as text."""
    return PlainTextResponse(terminal.plain(runs.transcript(narrows, run_id, limit=WHOLE)[0]))


def _tail(narrows: Narrows, run_id: int) -> tuple[str, int, bool]:
    """The last of the transcript, the offset where it goes on, and whether there is more above it."""
    path = narrows.run_folder(run_id) / "transcript.log"
    size = path.stat().st_size if path.is_file() else 0
    start = max(0, size - TAIL)
    text, offset = runs.transcript(narrows, run_id, start, TAIL)
    return (text.partition("\n")[2] if start else text), offset, start > 0
