"""API and pages on a test's app: their routes and templates are made once, which takes longer than most tests."""

from __future__ import annotations

import functools
from collections.abc import Callable

from fastapi import FastAPI

from server.web import api, pages


def put_api(app: FastAPI) -> None:
    """What `api.install` does, by what it did before."""
    app.router.routes.extend(_made(api.install).router.routes)


def put_pages(app: FastAPI) -> None:
    """What `pages.install` does, by what it did before."""
    made = _made(pages.install)
    app.router.routes.extend(made.router.routes)
    app.state.templates = made.state.templates


@functools.cache
def _made(install: Callable[[FastAPI], None]) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install(app)
    return app
