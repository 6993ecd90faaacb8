"""Insights: how the work goes, as figures with pictures and tables; and whether it is faster, or only feels so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from server.domain.insight import Figure, amount
from server.reading import plots
from server.services import exports, insights, projects, survivals
from server.services.insights import PERIODS, Scope
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter(prefix="/insights")

# Of an address of its own: what matplotlib writes has styles in it, and nothing else that could do anything.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def asked(
    days: Annotated[str, Query(max_length=10)] = "30", project: Annotated[str, Query(max_length=20)] = ""
) -> Scope:
    """The part of the record that an address names.

    Raises:
        Invalid: There is no such period.
    """
    return Scope(days, int(project) if project.isdecimal() else None)


ScopeDep = Annotated[Scope, Depends(asked)]


@router.get("")
def index(request: Request, narrows: NarrowsDep, scope: ScopeDep) -> Response:
    """All figures. That somebody looks has landed lines followed in the background."""
    survivals.ask(narrows, scope.project_id)
    return rendering.page(
        request,
        narrows,
        "insights/index.html",
        figures=insights.every(narrows, scope),
        back=insights.taken_back(narrows, scope),
        answer=insights.faster(narrows, scope.project_id),
        scope=scope,
        periods=PERIODS,
        projects=projects.every(narrows),
        query=query,
        amount=amount,
        picture=pictured(scope),
        size=plots.size,
        section="insights",
    )


@router.get("/faster")
def faster(request: Request, narrows: NarrowsDep, scope: ScopeDep) -> Response:
    """Faster, or only feels faster?"""
    survivals.ask(narrows, scope.project_id)
    whole = Scope("all", scope.project_id)
    return rendering.page(
        request,
        narrows,
        "insights/faster.html",
        answer=insights.faster(narrows, scope.project_id),
        figure=insights.one(narrows, "landed", whole),
        scope=whole,
        projects=projects.every(narrows),
        query=query,
        amount=amount,
        picture=pictured(whole),
        size=plots.size,
        section="insights",
    )


@router.get("/changes.csv")
def changes_csv(narrows: NarrowsDep, scope: ScopeDep) -> Response:
    """A row for each change, to keep."""
    return _file(exports.of_changes(insights.changes(narrows, scope)), "changes.csv")


@router.get("/changes.json")
def changes_json(narrows: NarrowsDep, scope: ScopeDep) -> Response:
    """The same, for scripts."""
    return JSONResponse(exports.plain_changes(insights.changes(narrows, scope)), headers=_named("changes.json"))


@router.get("/{name}.svg")
def picture(
    narrows: NarrowsDep,
    name: str,
    scope: ScopeDep,
    theme: Literal["light", "dark"] = "light",
    width: Literal["wide", "narrow"] = "wide",
) -> Response:
    """A figure's picture."""
    drawn = plots.svg(insights.one(narrows, name, scope), theme, width)
    return Response(drawn, media_type="image/svg+xml", headers={"Content-Security-Policy": PICTURE_POLICY})


@router.get("/{name}.csv")
def figure_csv(narrows: NarrowsDep, name: str, scope: ScopeDep) -> Response:
    """A figure's table, to keep."""
    return _file(exports.of_figure(insights.one(narrows, name, scope)), f"{name}.csv")


@router.get("/{name}.json")
def figure_json(narrows: NarrowsDep, name: str, scope: ScopeDep) -> Response:
    """A figure with its definition, for scripts."""
    return JSONResponse(exports.plain_figure(insights.one(narrows, name, scope)), headers=_named(f"{name}.json"))


def query(scope: Scope, **other: object) -> str:
    """The address's query for that part of the record, with something else."""
    said = {"days": scope.days, "project": scope.project_id} | other
    return f"?{urlencode({name: value for name, value in said.items() if value is not None})}"


def pictured(scope: Scope) -> Callable[[Figure, str, str], str]:
    """Where a figure's picture is, given its theme and width."""
    return lambda figure, theme, width: f"/insights/{figure.name}.svg{query(scope, theme=theme, width=width)}"


def _file(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8", headers=_named(name))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="narrows-{name}"'}
