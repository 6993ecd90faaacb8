"""The pages of Narrows, put on an application."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from server.web import (
    agents,
    asides,
    changes,
    clocks,
    comments,
    conflicts,
    context,
    desk,
    digest,
    drafts,
    edits,
    files,
    flags,
    landings,
    live_page,
    parts,
    preferences,
    projects,
    questions,
    rendering,
    reports,
    reviews,
    runs,
    search,
    security,
    static_files,
    styleguide,
    tasks,
    toasts,
    trash,
    viewed,
)


def install(app: FastAPI) -> None:
    """Templates on `app.state.templates`, static files under `/static`, and every page's routes."""
    app.state.templates = rendering.environment()
    static_files.install(app)
    for noun in (
        desk,
        digest,
        changes,
        files,
        parts,
        edits,
        conflicts,
        viewed,
        clocks,
        flags,
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
        preferences,
        reports,
        search,
        styleguide,
        toasts,
        trash,
    ):
        app.include_router(
            noun.router,
            dependencies=[Depends(context.note_newest_event)],
            include_in_schema=False,
            form_limits={"max_part_size": security.MOST_BYTES},
        )
