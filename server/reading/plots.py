"""Figures as SVG pictures, in colours that match the pages, with their text as text.

matplotlib is imported with the first picture and not before: that takes a second that nothing else should wait for. It
draws by way of state that all of a process share, so one picture is drawn at a time.
"""

from __future__ import annotations

import io
import logging
import math
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from server.domain.insight import ENOUGH, Cell, Figure, Shape, amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Theme = Literal["light", "dark"]
Width = Literal["wide", "narrow"]
WIDTHS: dict[Width, int] = {"wide": 440, "narrow": 320}
HEIGHT = 216
ROW, HEADING = 24, 26  # heights in a list of bars
SMALL, USUAL = 11, 12
MOST_POINTS = 500
STACK = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif"
MEASURED_BY = "DejaVu Sans"  # comes with matplotlib and is the widest of them: what fits in it fits in all

_drawing = threading.Lock()


@dataclass(frozen=True)
class Colours:
    """As in app.css; the two of series are told apart by people who see no red or green, too."""

    text: str
    muted: str
    line: str
    card: str
    series: tuple[str, str]


COLOURS: dict[Theme, Colours] = {
    "light": Colours("#1d1d1b", "#5f5f5a", "#dddcd7", "#ffffff", ("#2b50c8", "#b87a00")),
    "dark": Colours("#e6e8ea", "#a0a7b0", "#32363c", "#191b1e", ("#8ba5ff", "#e5b454")),
}


@lru_cache(maxsize=256)
def svg(figure: Figure, theme: Theme, width: Width = "wide") -> str:
    """The picture of a figure; of one without rows an empty one. The same figure gives the same bytes."""
    with _drawing:
        return _drawn(figure, COLOURS[theme], WIDTHS[width])


def _drawn(figure: Figure, colours: Colours, width: int) -> str:
    matplotlib = _library()
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "narrows",
        "text.parse_math": False,  # a name with dollars is a name
        "font.family": MEASURED_BY,
        "font.size": USUAL,
        "axes.unicode_minus": False,
    }
    height = _height(figure)
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of the measuring font: the system's fonts show it
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas(figsize=(width / 72, height / 72), dpi=72)
        axes = canvas.add_axes((0, 0, 1, 1))
        _plain(axes, colours)
        if figure.rows:
            DRAW[figure.shape](axes, figure, colours, width, height)
        else:
            axes.set_axis_off()
        written = io.StringIO()
        canvas.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_pages(written.getvalue(), width, height)


def _library() -> Any:
    """matplotlib, which keeps a list of the fonts that it finds: where the home can't be written to, elsewhere."""
    if "MPLCONFIGDIR" not in os.environ and not os.access(Path.home(), os.W_OK):
        os.environ["MPLCONFIGDIR"] = tempfile.gettempdir()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    return matplotlib


def size(figure: Figure, width: Width = "wide") -> tuple[int, int]:
    """How wide and how high its picture is: a page leaves that room before it has come."""
    return WIDTHS[width], _height(figure)


def _height(figure: Figure) -> int:
    if figure.shape is not Shape.BARS or not figure.rows:
        return HEIGHT
    groups = {row[0] for row in figure.rows if row[0]}
    return len(figure.rows) * ROW + len(groups) * HEADING + 10


def _for_pages(drawn: str, width: int, height: int) -> str:
    """As wide as there is room, in the fonts of the pages, and without the document type that a page has no use for."""
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg[^>]*?) height="[^"]*"', rf'\1 width="{width}" height="{height}"', drawn, count=1)
    return drawn.replace(f"'{MEASURED_BY}'", STACK)


def _plain(axes: Axes, colours: Colours) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=colours.muted, labelsize=SMALL)
    axes.tick_params(axis="x", pad=7)
    axes.set_axisbelow(True)


def _days(axes: Axes, figure: Figure, colours: Colours, width: int, height: int) -> None:
    """A bar a day or week, the tallest with its number."""
    values = [_number(row[1]) for row in figure.rows]
    _place(axes, width, height, left=46, right=8, top=22, bottom=26)
    axes.bar(range(len(values)), values, width=0.72, color=colours.series[0])
    axes.set_xlim(-0.6, max(len(values), 5) - 0.4)
    _scale(axes, max(values), figure.unit, colours)
    _dates(axes, [row[0] for row in figure.rows], width)
    tallest = max(range(len(values)), key=lambda place: values[place])
    if values[tallest]:
        axes.annotate(
            amount(_rounded(values[tallest]), _shown(figure.unit)),
            (tallest, values[tallest]),
            xytext=(0, 4),
            textcoords="offset points",
            ha=_side(tallest, len(values)),
            color=colours.text,
            fontsize=SMALL,
        )


def _lines(axes: Axes, figure: Figure, colours: Colours, width: int, height: int) -> None:
    """A line for each series; hollow dots are made from few. The last value stands at its end."""
    many = len(figure.series) > 1
    _place(axes, width, height, left=46, right=62, top=44 if many else 22, bottom=26)
    days = [row[0] for row in figure.rows]
    first = days[0]
    assert isinstance(first, date)
    across = [(day - first).days for day in days if isinstance(day, date)]
    tops, ends = [], []
    for place, (name, colour) in enumerate(zip(figure.series, colours.series, strict=False)):
        told = [(x, row[1 + 2 * place], row[2 + 2 * place]) for x, row in zip(across, figure.rows, strict=True)]
        dots = [(x, _number(value), _number(n)) for x, value, n in told if value is not None]
        if many:
            axes.text(
                0, height - 12 - 15 * place, f"● {name}", color=colour, fontsize=SMALL, transform=None, va="center"
            )
        if not dots:
            continue
        axes.plot([x for x, _, _ in dots], [value for _, value, _ in dots], color=colour, linewidth=2)
        for filled in (True, False):
            some = [(x, value) for x, value, n in dots if (n >= ENOUGH) is filled]
            if some:
                axes.scatter(
                    [x for x, _ in some],
                    [value for _, value in some],
                    s=26,
                    color=colour if filled else colours.card,
                    edgecolors=colour,
                    linewidths=1.5,
                    zorder=3,
                )
        tops.append(max(value for _, value, _ in dots))
        ends.append((dots[-1][0], dots[-1][1], colour))
    span = max(across[-1], 1)
    axes.set_xlim(-0.04 * span - 0.2, 1.04 * span + 0.2)
    most = 100.0 if figure.unit == "%" else max(tops, default=1)
    _scale(axes, most, figure.unit, colours)
    _ends(axes, ends, figure.unit, height)
    _dates(axes, days, width - 60, across)


def _ends(axes: Axes, ends: Sequence[tuple[float, float, str]], unit: str, height: int) -> None:
    """Each line's last value at its end, none over another."""
    room = axes.get_ylim()[1] * 15 / (height - 70)
    placed: list[float] = []
    for x, value, colour in sorted(ends, key=lambda end: end[1]):
        at = max(value, placed[-1] + room) if placed else value
        placed.append(at)
        axes.annotate(
            amount(_rounded(value), _shown(unit)),
            (x, at),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=SMALL,
        )


def _bars(axes: Axes, figure: Figure, colours: Colours, width: int, height: int) -> None:
    """Bars below each other, in groups with a heading; pale ones are made from few."""
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    most = 100.0 if figure.unit == "%" else max(_number(row[2]) for row in figure.rows) or 1.0
    names = min(width * 0.45, 10 + 7.0 * max(len(str(row[1])) for row in figure.rows))
    room = width - names - 96
    y, group = 5.0, ""
    for heading, name, cell, n in figure.rows:
        value = _number(cell)
        if heading and heading != group:
            group = str(heading)
            axes.text(0, y + 16, group, color=colours.muted, fontsize=SMALL, va="center")
            y += HEADING
        middle = y + ROW / 2
        pale = 0 < _number(n) < ENOUGH
        axes.text(0, middle, _cut(str(name), names), color=colours.text, fontsize=USUAL, va="center")
        length = max(room * value / most, 1.5)
        axes.barh(middle, length, height=13, left=names, color=colours.series[0], alpha=0.4 if pale else 1)
        axes.text(
            names + length + 7,
            middle,
            amount(_rounded(value), _shown(figure.unit)),
            color=colours.text,
            fontsize=USUAL,
            va="center",
        )
        if figure.unit != "changes":
            axes.text(
                width - 1, middle, f"n = {_number(n):.0f}", color=colours.muted, fontsize=SMALL, va="center", ha="right"
            )
        y += ROW


def _points(axes: Axes, figure: Figure, colours: Colours, width: int, height: int) -> None:
    """Dots on two scales alike, by tens, with the line on which both are the same."""
    dots = [(max(_number(x), 0.2), max(_number(y), 0.2)) for _, x, y in figure.rows[-MOST_POINTS:]]
    _place(axes, width, height, left=46, right=12, top=30, bottom=40)
    values = [value for dot in dots for value in dot]
    low, high = min(*values, 1.0) / 1.3, max(*values, 10.0) * 1.3
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.plot([low, high], [low, high], color=colours.muted, linewidth=1, dashes=(4, 3))
    axes.scatter(
        [x for x, _ in dots], [y for _, y in dots], s=22, color=colours.series[0], alpha=0.45, linewidths=0, zorder=3
    )
    ticks = [tick for tick in (0.3, 1, 3, 10, 30, 100, 300, 1000) if low <= tick <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(_fixed(ticks))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_locator(_fixed([]))
    axes.grid(color=colours.line, linewidth=1)
    axes.text(0, height - 12, "minutes read", color=colours.muted, fontsize=SMALL, transform=None, va="center")
    axes.text(
        width - 12, 10, "minutes expected", color=colours.muted, fontsize=SMALL, transform=None, va="center", ha="right"
    )
    axes.annotate(
        "as expected",
        (high, high),
        xytext=(-2, -30),
        textcoords="offset points",
        ha="right",
        va="top",
        color=colours.muted,
        fontsize=SMALL,
    )


DRAW = {Shape.DAYS: _days, Shape.LINES: _lines, Shape.BARS: _bars, Shape.POINTS: _points}


def _place(axes: Axes, width: int, height: int, *, left: int, right: int, top: int, bottom: int) -> None:
    axes.set_position((left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height))


def _scale(axes: Axes, most: float, unit: str, colours: Colours) -> None:
    """From nought to a little over the most, in three or four round steps."""
    size = _size(most, unit)
    step = _round_step((most or 1.0) / size) * size
    ticks = [step * n for n in range(math.ceil(most / step) + 1)] or [0.0, step]
    axes.set_ylim(0, max(ticks[-1], most) * (1.02 if unit == "%" else 1.04) or 1)
    axes.yaxis.set_major_locator(_fixed(ticks))
    axes.yaxis.set_major_formatter(lambda value, _: _tick(value, unit))
    axes.grid(axis="y", color=colours.line, linewidth=1)


def _size(most: float, unit: str) -> float:
    """What its steps are round in: minutes, hours or days."""
    if unit == "min" and most >= 120:
        return 60
    if unit == "h":
        return 24 if most >= 72 else 1 if most >= 3 else 1 / 60
    return 1


def _tick(value: float, unit: str) -> str:
    return amount(_rounded(value), _shown(unit)) if value else "0"


def _shown(unit: str) -> str:
    """The unit that stands at each number; what the title says already does not."""
    return "" if unit in ("changes", "lines/h") else unit


def _round_step(most: float) -> float:
    """1, 2, 2.5 or 5 by a power of ten, so that three or four of them reach the most."""
    power = 10.0 ** math.floor(math.log10(most / 3))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step * 4 >= most)


def _dates(axes: Axes, days: Sequence[Cell], width: int, across: Sequence[int] | None = None) -> None:
    """The first and the last, and as many between as have room."""
    places = list(across) if across is not None else list(range(len(days)))
    most = max(2, width // 78)
    every = max(1, math.ceil(len(days) / most))
    shown = list(range(0, len(days), every))
    axes.xaxis.set_major_locator(_fixed([places[n] for n in shown]))
    labels = {places[n]: _date(days[n]) for n in shown}
    axes.xaxis.set_major_formatter(lambda value, _: labels.get(round(value), ""))


def _date(day: Cell) -> str:
    return f"{day.day} {day:%b}" if isinstance(day, date) else str(day)


def _fixed(ticks: Sequence[float]) -> Any:
    from matplotlib.ticker import FixedLocator

    return FixedLocator(list(ticks))


def _side(place: int, count: int) -> str:
    return "left" if place < count * 0.15 else "right" if place > count * 0.85 else "center"


def _cut(name: str, room: float) -> str:
    most = max(4, int((room - 8) / 7))
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def _rounded(value: float) -> float:
    return round(value, 2) if abs(value) < 10 else round(value)
