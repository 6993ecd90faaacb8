"""The pages of Narrows, put on an application."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from server.web import (
    agents,
    asides,
    attempts,
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
    insights,
    landings,
    live_page,
    parts,
    patterns,
    preferences,
    projects,
    questions,
    rendering,
    reports,
    reviews,
    runs,
    search,
    security,
    splits,
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
        patterns,
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
        attempts,
        tasks,
        projects,
        splits,
        runs,
        landings,
        insights,
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
