"""Transactions on a real SQLite file: nothing is lost, nothing is seen half."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from server.domain.project import Project
from server.domain.review import Draft
from server.domain.task import Task
from server.store.database import Database

THREADS, INCREMENTS = 16, 50


def add_draft(database: Database, text: str = "0") -> int:
    with database.writing() as db:
        draft = Draft(key="count", text=text)
        db.add(draft)
    return draft.id


def read_draft(database: Database, key: int) -> str:
    with database.reading() as db:
        return db.get_one(Draft, key).text


def test_many_threads_lose_no_update(database: Database) -> None:
    key = add_draft(database)
    together = threading.Barrier(THREADS)

    def count() -> None:
        together.wait()
        for _ in range(INCREMENTS):
            with database.writing() as db:
                draft = db.get_one(Draft, key)
                draft.text = str(int(draft.text) + 1)
                db.add(draft)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(count) for _ in range(THREADS)]:
            done.result()
    assert read_draft(database, key) == str(THREADS * INCREMENTS)


def test_two_databases_on_one_file_lose_no_update_either(database: Database, tmp_path: Path) -> None:
    key = add_draft(database)
    other = Database(f"sqlite:///{tmp_path / 'narrows.db'}")

    def count(mine: Database) -> None:
        for _ in range(INCREMENTS):
            with mine.writing() as db:
                draft = db.get_one(Draft, key)
                draft.text = str(int(draft.text) + 1)
                db.add(draft)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(count, mine) for mine in (database, other)]:
            done.result()
    other.close()
    assert read_draft(database, key) == str(2 * INCREMENTS)


def test_every_connection_has_its_pragmas(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30000, "foreign_keys": 1}
    with database.engine.connect() as first, database.engine.connect() as second:
        for connection in (first, second):
            found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
            assert found == wanted


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    key = add_draft(database, "before")

    def fail() -> None:
        with database.writing() as db:
            db.get_one(Draft, key).text = "after"
            db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert read_draft(database, key) == "before"


def test_what_is_changed_while_reading_is_forgotten(database: Database) -> None:
    key = add_draft(database, "before")
    with database.reading() as db:
        db.get_one(Draft, key).text = "after"
    assert read_draft(database, key) == "before"


def test_a_reader_keeps_its_moment_while_another_writes(database: Database) -> None:
    key = add_draft(database, "before")
    with database.reading() as db:
        db.connection().execute(text("SELECT 1 FROM drafts"))
        with database.writing() as other:
            other.get_one(Draft, key).text = "after"
        assert db.get_one(Draft, key).text == "before"
    assert read_draft(database, key) == "after"


def test_a_row_stays_readable_after_its_session(database: Database) -> None:
    with database.writing() as db:
        draft = Draft(key="k", text="words")
        db.add(draft)
    assert (draft.id, draft.text) == (1, "words")


def test_a_row_that_belongs_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as db:
        db.add(Task(project_id=99, title="Nobody's", agent="demo"))


def test_two_projects_never_share_a_path(database: Database) -> None:
    with database.writing() as db:
        db.add(Project(name="a", path="/p", target_branch="main"))
    with pytest.raises(IntegrityError), database.writing() as db:
        db.add(Project(name="b", path="/p", target_branch="main"))


def test_sixteen_readers_wait_for_no_writer(database: Database) -> None:
    key = add_draft(database, "before")
    with database.writing() as db:
        db.get_one(Draft, key).text = "after"
        db.flush()
        with ThreadPoolExecutor(THREADS) as pool:
            seen = {done.result(timeout=10) for done in [pool.submit(read_draft, database, key) for _ in range(16)]}
    assert seen == {"before"}
