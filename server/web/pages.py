"""The pages of Narrows, put on an application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from server import assets
from server.web import (
    agents,
    asides,
    changes,
    comments,
    desk,
    drafts,
    landings,
    live_page,
    projects,
    questions,
    rendering,
    reviews,
    runs,
    security,
    tasks,
)


def install(app: FastAPI) -> None:
    """Templates on `app.state.templates`, static files under `/static`, and every page's routes."""
    app.state.templates = rendering.environment()
    app.mount("/static", StaticFiles(directory=assets.static()), name="static")
    for noun in (
        desk,
        changes,
        asides,
        questions,
        reviews,
        comments,
        drafts,
        tasks,
        projects,
        runs,
        landings,
        agents,
        live_page,
    ):
        app.include_router(noun.router, include_in_schema=False, form_limits={"max_part_size": security.MOST_BYTES})
