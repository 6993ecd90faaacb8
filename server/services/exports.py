"""Facts and figures to take along: as CSV, and as plain values for JSON.

A cell of a CSV file that begins like a formula is one to a spreadsheet, and titles are what anybody wrote: an
apostrophe before it makes it text (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from server.domain.insight import ChangeFacts, Figure

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
NAMES = tuple(field.name for field in fields(ChangeFacts))


def of_changes(changes: Iterable[ChangeFacts]) -> str:
    """A row for each change, with the names of the facts as its head."""
    return _csv(NAMES, ([getattr(one, name) for name in NAMES] for one in changes))


def of_figure(figure: Figure) -> str:
    """A figure's table as CSV; a column's unit stands in its head."""
    head = [f"{column.name} ({column.unit})" if column.unit else column.name for column in figure.columns]
    return _csv(head, figure.rows)


def plain_changes(changes: Iterable[ChangeFacts]) -> list[dict[str, Any]]:
    """The same rows for JSON, by the names of the facts."""
    return [{name: _plain(value) for name, value in asdict(one).items()} for one in changes]


def plain_figure(figure: Figure) -> dict[str, Any]:
    """A figure with its definition and its rows for JSON."""
    return {
        "name": figure.name,
        "title": figure.title,
        "definition": figure.definition,
        "said": figure.said,
        "unit": figure.unit,
        "scarce": figure.scarce,
        "columns": [asdict(column) for column in figure.columns],
        "rows": [[_plain(cell) for cell in row] for row in figure.rows],
    }


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(head)
    for row in rows:
        table.writerow([_cell(cell) for cell in row])
    return written.getvalue()


def _cell(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return "" if value is None else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
