"""Admission with many tasks and many who decide: in order by an index, and exact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from server.services.narrows import Narrows
from server.store import queries
from tests.bench import admission as bench
from tests.support.house import narrows_in


@pytest.fixture
def narrows(tmp_path: Path) -> Iterator[Narrows]:
    with narrows_in(tmp_path) as made:
        yield made


def test_it_is_exact_whoever_decides_at_once(narrows: Narrows) -> None:
    chance = random.Random(7)
    bench.fill(narrows, 300, chance)
    bench.limit_projects(narrows, 2)
    crowd = bench.Crowd(bench.with_limits(narrows, agents=5, budget=60), 8, chance)
    assert crowd.run(6) == []


def test_of_many_tasks_the_first_ones_are_found_by_an_index(narrows: Narrows) -> None:
    bench.fill(narrows, 50, random.Random(7))
    asked: list[tuple[str, object]] = []

    def hear(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    event.listen(narrows.database.engine, "before_cursor_execute", hear)
    with narrows.reading() as db:
        for let_through in (False, True):
            queries.startable_tasks(db, [1, 2, 3], 4, let_through=let_through)
    event.remove(narrows.database.engine, "before_cursor_execute", hear)
    with narrows.reading() as db:
        for statement, values in asked:
            if statement.startswith("SELECT"):
                rows = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()  # type: ignore[arg-type]
                plan = [row[3] for row in rows]
                assert any("ix_tasks_order (state=?" in step or "ix_tasks_let_through" in step for step in plan), plan
                assert not any("ORDER BY" in step and "RIGHT PART" not in step for step in plan), plan
