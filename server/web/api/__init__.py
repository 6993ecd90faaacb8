"""The JSON API under `/api`: one router per noun, over the same services as the pages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

from server.web.api import (
    agents,
    attempts,
    budget,
    changes,
    checks,
    clocks,
    comments,
    conflicts,
    counterproofs,
    desk,
    digest,
    drafts,
    edits,
    events,
    flags,
    forecast,
    insights,
    kinds,
    landings,
    parts,
    preferences,
    projects,
    questions,
    reviews,
    revisions,
    risks,
    runs,
    search,
    status,
    tasks,
    trash,
    viewed,
)
from server.web.api.answers import ErrorAnswer

FAILURES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": ErrorAnswer,
        "description": "400 unusable, 401 no token, 404 unknown, 409 wrong state, 422 which field",
    },
    "5XX": {"model": ErrorAnswer, "description": "500 a mistake of Narrows, 503 not now"},
}


def install(app: FastAPI) -> None:
    """Put every call of the API on an application."""
    api = APIRouter(prefix="/api", responses=FAILURES)
    for noun in (
        projects,
        agents,
        tasks,
        drafts,
        attempts,
        desk,
        digest,
        budget,
        revisions,
        kinds,
        risks,
        parts,
        edits,
        conflicts,
        search,
        viewed,
        clocks,
        flags,
        counterproofs,
        comments,
        reviews,
        landings,
        forecast,
        questions,
        changes,
        runs,
        checks,
        events,
        insights,
        preferences,
        trash,
        status,
    ):
        api.include_router(noun.router)
    app.include_router(api)
