"""Figures for the style guide: each way of drawing one, one made from few, one without anything, and both answers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from server.domain.insight import Cell, Column, Figure, Shape, amount
from server.reading import plots
from server.reading.plots import Theme, Width
from server.services.trends import Answer, Finding, Trend

MONDAY = date(2026, 3, 2)
SOON = "Nothing was read in this time. Minutes appear with the first change that you read."


def everything() -> dict[str, Any]:
    """What the style guide's template shows, by the names that the templates of the parts know it by."""
    return {
        "figures": figures(),
        "answers": answers(),
        "picture": picture,
        "size": plots.size,
        "amount": amount,
    }


def picture(figure: Figure, theme: Theme, width: Width) -> str:
    """The picture itself as an address: it is in no database."""
    return f"data:image/svg+xml,{quote(plots.svg(figure, theme, width))}"


def figures() -> list[Figure]:
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    weeks = [MONDAY + timedelta(weeks=n) for n in range(6)]
    return [
        _figure("days", Shape.DAYS, [(day, 12.0 + 7 * n % 31, n) for n, day in enumerate(days)]),
        _figure(
            "lines",
            Shape.LINES,
            [(w, 40 - 4 * n, 9 - 2 * n, 5 + n, 7) for n, w in enumerate(weeks)],
            ("yours", "theirs"),
        ),
        _figure(
            "bars",
            Shape.BARS,
            [("By agent", "claude", 4.5, 31), ("By agent", "codex", 6.0, 3), ("By size", "over 400 lines", 26.0, 6)],
        ),
        _figure("points", Shape.POINTS, [(f"#{n}", 1.0 + n, 0.8 * n + 5 * (n % 3)) for n in range(1, 30)]),
        _figure("nothing", Shape.DAYS, []),
    ]


def _figure(name: str, shape: Shape, rows: list[tuple[Cell, ...]], series: tuple[str, ...] = ()) -> Figure:
    heads = ("Group" if shape is Shape.BARS else "When", *(f"Value {n}" for n in range(1, len(rows[0]) if rows else 3)))
    return Figure(
        name=name,
        title=f"Minutes, as {name}",
        definition="What exactly is counted, in a sentence.",
        said=f"24 min in the middle, drawn as {name}." if rows else "",
        soon=SOON,
        shape=shape,
        unit="min",
        columns=tuple(Column(head) for head in heads),
        rows=tuple(rows),
        series=series,
        step="week",
    )


def answers() -> list[Answer]:
    four_weeks = timedelta(days=27)
    trends = tuple(_trend(found) for found in Finding)
    return [
        Answer(
            "Faster, as far as this can tell.",
            "Reading per landed change: 9.2 min then, 6.9 min now (better). Nothing else became clearly worse.",
            trends,
            (MONDAY, MONDAY + four_weeks),
            (MONDAY + 2 * four_weeks, MONDAY + 3 * four_weeks),
            (("Reading in all", "24 h"), ("Landed", "177")),
        ),
        Answer("Can't tell yet.", "Four weeks are compared with four later ones: needs 12 more days.", (), None, None),
    ]


def _trend(found: Finding) -> Trend:
    known = found is not Finding.OPEN
    needs = "" if known else "Needs 6 more changes within four weeks."
    low, high = (-4.6, -0.3) if known else (None, None)
    title = "Reading per landed change"
    return Trend(found.name.lower(), title, "What is compared.", "min", 9.2, 6.9, 92, 91, low, high, found, needs)
