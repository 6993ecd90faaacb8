"""The JSON API under `/api`: one router per noun, over the same services as the pages."""

from __future__ import annotations

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Put every call of the API on an application."""
