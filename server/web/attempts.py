"""Several attempts at one task: side by side as facts, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.domain.diff import Comparison
from server.reading import order
from server.services import attempts, comparisons
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.files import File
from server.web.looks import AskedDep
from server.web.reader import Reader

router = APIRouter()

AT_ONCE = 5_000  # changed lines that stand on the page; of a larger difference the rest is named, and in the patch


@router.get("/tasks/{task_id}/attempts")
def index(request: Request, narrows: NarrowsDep, task_id: int) -> Response:
    """All of them, each with what is known of it."""
    return rendering.page(
        request,
        narrows,
        "attempts/index.html",
        found=attempts.of_task(narrows, task_id),
        section="tasks",
    )


@router.get("/tasks/{task_id}/attempts/{one}/{other}")
def compare(request: Request, narrows: NarrowsDep, task_id: int, one: int, other: int, asked: AskedDep) -> Response:
    """How what the second one does differs from what the first one does."""
    found, left, right, compared = attempts.compare(narrows, task_id, one, other)
    files = list(_files(narrows, compared))
    reader = Reader(rendering.templates(request), narrows, compared, asked.look, ())
    return rendering.page(
        request,
        narrows,
        "attempts/compare.html",
        found=found,
        left=left,
        right=right,
        compared=compared,
        asked=asked,
        look=asked.look,
        files=[(file, reader.piece(file.position) if file.eager else None) for file in files],
        section="tasks",
    )


def _files(narrows: Narrows, compared: Comparison) -> Iterator[File]:
    """In reading order; those for which there is room on the page are shown at once."""
    rows = comparisons.outline(narrows, compared)
    left = AT_ONCE
    for place in order.reading_order(rows):
        changed = (rows[place].additions or 0) + (rows[place].deletions or 0)
        left -= changed
        yield File.of(rows[place], eager=left >= 0 or left + changed == AT_ONCE)
