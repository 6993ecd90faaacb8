"""Pictures of figures: whole, in both themes, with text that is text; and drawn only when one is wanted."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from server.domain.insight import Cell, Column, Figure, Shape
from server.reading import plots
from server.reading.plots import COLOURS, Theme, Width

MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=n) for n in range(40)]


def figure(shape: Shape, rows: list[tuple[Cell, ...]], unit: str = "min", series: tuple[str, ...] = ()) -> Figure:
    width = len(rows[0]) if rows else 3
    columns = tuple(Column(f"column {n}") for n in range(width))
    return Figure("name", "Title", "Definition.", "Said.", "Soon.", shape, unit, columns, tuple(rows), series, "day")


EXAMPLES = {
    "days": figure(Shape.DAYS, [(day, float(n), n) for n, day in enumerate(DAYS)]),
    "one day": figure(Shape.DAYS, [(MONDAY, 3.5, 1)]),
    "days of nothing": figure(Shape.DAYS, [(MONDAY, 0.0, 0)]),
    "line": figure(Shape.LINES, [(day, 100.0 - n, n) for n, day in enumerate(DAYS)], "%", ("kept",)),
    "two lines": figure(
        Shape.LINES, [(day, 0.5 * n, 9, None if n < 9 else 70.0, 3) for n, day in enumerate(DAYS)], "h", ("one", "two")
    ),
    "one dot": figure(Shape.LINES, [(MONDAY, 5.0, 1)], "lines/h", ("rate",)),
    "bars": figure(Shape.BARS, [("By agent", "claude", 4.5, 31), ("By size", "over 400 lines", 260.0, 3)]),
    "bars of nothing": figure(Shape.BARS, [("", "never", 0, 5)], "changes"),
    "points": figure(Shape.POINTS, [(f"#{n}", 0.01 + n, 300.0 / n) for n in range(1, 900)]),
    "nothing": figure(Shape.DAYS, []),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_is_sound_and_in_the_colours_of_its_theme(name: str, theme: Theme) -> None:
    example = EXAMPLES[name]
    drawn = plots.svg(example, theme, "wide")
    root = ElementTree.fromstring(drawn)
    width, height = plots.size(example, "wide")
    assert (root.get("width"), root.get("height")) == (str(width), str(height))
    assert root.get("viewBox") == f"0 0 {width} {height}"
    others = COLOURS["dark" if theme == "light" else "light"]
    assert others.text not in drawn
    if name not in ("nothing", "days of nothing", "bars of nothing"):
        assert COLOURS[theme].series[0] in drawn
        assert "<text" in drawn
    assert "DejaVu" not in drawn


def test_the_same_figure_gives_the_same_bytes() -> None:
    example = EXAMPLES["days"]
    first = plots.svg(example, "light", "wide")
    plots.svg.cache_clear()
    assert plots.svg(example, "light", "wide") == first


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$\\frac{x}{0}$", "\u202eevil", "100 %", "a\u0301 – ✓ 漢"]
)
def test_names_are_text_whatever_they_are(name: str) -> None:
    drawn = plots.svg(figure(Shape.BARS, [("", name, 4.0, 9)]), "light", "wide")
    texts = [text.text or "" for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert any(name[:4] in text for text in texts)
    assert "<script" not in drawn


def test_few_are_drawn_pale() -> None:
    many = plots.svg(figure(Shape.BARS, [("", "claude", 4.0, 5)]), "light", "wide")
    few = plots.svg(figure(Shape.BARS, [("", "claude", 4.0, 4)]), "light", "wide")
    assert "opacity: 0.4" in few
    assert "opacity: 0.4" not in many


def test_several_at_once_are_each_their_own() -> None:
    examples = [replace(example, name=f"{name} at once") for name, example in EXAMPLES.items()]
    wanted: list[tuple[Figure, Theme, Width]] = [(each, "dark", "narrow") for each in examples]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda one: plots.svg(*one), wanted))
    plots.svg.cache_clear()
    assert [plots.svg(*one) for one in wanted] == together


def test_nothing_but_a_picture_imports_the_library() -> None:
    asked = "bool({'matplotlib', 'numpy'} & set(sys.modules))"
    code = f"import sys, server.reading.plots, server.services.trends; sys.exit({asked})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
