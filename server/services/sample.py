"""The sample project of `narrows demo`: a small repository made on the spot, and tasks for the built-in agents."""

from __future__ import annotations

from pathlib import Path

from server.domain.project import Project
from server.domain.task import Kind
from server.git import repositories
from server.services import projects, tasks
from server.services.narrows import Narrows

FILES = {
    "README.md": "# Tidewater\n\nTide tables for small harbours: a sample project that Narrows made.\n",
    ".gitignore": "__pycache__/\n*.pyc\n",
    "tidewater/__init__.py": "",
    "tidewater/tides.py": """from datetime import timedelta, datetime
import math
import json

PERIOD = timedelta(hours=12, minutes=25)


def height(moment, high_water, mean=2.0, amplitude=1.5):
    elapsed = (moment - high_water) / PERIOD
    return mean + amplitude * math.cos(2 * math.pi * elapsed)


def next_high_water(moment, high_water):
    passed = math.ceil((moment - high_water) / PERIOD)
    return high_water + passed * PERIOD


class Harbour:
    def __init__(self, name, depth, high_water):
        self.name = name
        self.depth = depth
        self.high_water = high_water

    def clearance(self, moment, draught):
        return self.depth + height(moment, self.high_water) - draught

    def can_enter(self, moment, draught, margin=0.5):
        return self.clearance(moment, draught) >= margin


def table(harbour, start, rows=4):
    moment = start
    lines = []
    for _ in range(rows):
        moment = next_high_water(moment + timedelta(minutes=1), harbour.high_water)
        lines.append((moment, round(height(moment, harbour.high_water), 2)))
    return lines
""",
    "tidewater/units.py": """import os, re


def metres(feet):
    return feet * 0.3048


def feet(metres):
    return metres / 0.3048


def parse_depth(text):
    number, unit = text.split()
    if unit == "m":
        return float(number)
    if unit == "ft":
        return metres(float(number))
    raise ValueError("unknown unit: %s" % unit)
""",
    "tests/__init__.py": "",
    "tests/test_tides.py": """import unittest
from datetime import datetime, timedelta

from tidewater.tides import PERIOD, Harbour, height, next_high_water

HIGH = datetime(2026, 3, 1, 6, 0)


class TidesTest(unittest.TestCase):
    def test_high_water_is_the_highest(self):
        self.assertAlmostEqual(height(HIGH, HIGH), 3.5)
        self.assertLess(height(HIGH + timedelta(hours=1), HIGH), 3.5)

    def test_the_next_high_water_is_a_period_away(self):
        self.assertEqual(next_high_water(HIGH + timedelta(minutes=1), HIGH), HIGH + PERIOD)

    def test_a_deep_boat_stays_out_at_low_water(self):
        harbour = Harbour("Narrows", 1.0, HIGH)
        self.assertTrue(harbour.can_enter(HIGH, draught=3.0))
        self.assertFalse(harbour.can_enter(HIGH + PERIOD / 2, draught=3.0))


if __name__ == "__main__":
    unittest.main()
""",
    "tests/test_units.py": """import unittest

from tidewater.units import feet, metres, parse_depth


class UnitsTest(unittest.TestCase):
    def test_there_and_back(self):
        self.assertAlmostEqual(feet(metres(12)), 12)

    def test_depths_are_read_in_either_unit(self):
        self.assertEqual(parse_depth("3 m"), 3.0)
        self.assertAlmostEqual(parse_depth("10 ft"), 3.048)


if __name__ == "__main__":
    unittest.main()
""",
}

TASKS: tuple[dict[str, object], ...] = (
    {
        "title": "Say what each public function of tidewater does",
        "agent": "demo",
        "brief": (
            "Every public function and class of `tidewater/` gets a docstring.\n\n"
            "For example: `metres(feet)` converts feet to metres.\n\n"
            "**Done means** that no public name is without one, and the tests still pass."
        ),
    },
    {
        "title": "Remove what nothing uses",
        "agent": "ruff-fix",
        "kind": Kind.MAINTENANCE,
        "brief": "Unused imports go, and what else ruff mends safely.\n\n**Done means** that ruff finds nothing more.",
    },
    {
        "title": "Sort the imports",
        "agent": "ruff-imports",
        "kind": Kind.MAINTENANCE,
        "brief": "One order everywhere: standard library, others, our own.",
    },
    {
        "title": "A test for unknown units",
        "agent": "demo",
        "brief": (
            "`parse_depth` refuses a unit that it does not know, and no test says so.\n\n"
            "The demo agent has no model, so it is told what to write:\n\n"
            "write: tests/test_unknown_units.py\n"
            "```python\n"
            "import unittest\n\n"
            "from tidewater.units import parse_depth\n\n\n"
            "class UnknownUnitsTest(unittest.TestCase):\n"
            "    def test_fathoms_are_refused(self):\n"
            "        with self.assertRaises(ValueError):\n"
            '            parse_depth("2 fathoms")\n'
            "```\n"
        ),
    },
)


def prepare(narrows: Narrows) -> Project:
    """Make the sample project, register it and file its tasks; what is there already stays as it is."""
    folder = narrows.settings.data / "sample" / "tidewater"
    if not (folder / ".git").exists():
        _make(folder)
    known = next((project for project in projects.every(narrows) if project.path == str(folder.resolve())), None)
    if known:
        return known
    check = "python3 -m unittest discover -q -s tests -t ."
    project = projects.register(narrows, str(folder), name="tidewater", checks=[check])
    for task in TASKS:
        tasks.file(narrows, project_id=project.id, **task)  # type: ignore[arg-type]
    return project


def _make(folder: Path) -> None:
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    repositories.found(folder, message="The tide tables, as they are\n")
