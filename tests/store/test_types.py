"""Values that come back as they went in, and lie in the file as a person would expect them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import text
from sqlalchemy.dialects.sqlite import dialect as sqlite
from sqlalchemy.exc import StatementError

from server.domain.agent import Agent
from server.domain.base import FileName, Moment, Packed, Word
from server.domain.diff import FileDiff, FileStatus
from server.domain.file_row import FileRow
from server.domain.review import Draft
from server.domain.states import ChangeState
from server.store.database import Database

SQLITE = sqlite()


def test_a_time_is_kept_in_utc_and_read_back_aware(database: Database) -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with database.writing() as db:
        db.add(Draft(key="k", text="t", updated_at=moment))
    with database.reading() as db:
        found = db.get_one(Draft, 1).updated_at
        assert db.connection().execute(text("SELECT updated_at FROM drafts")).scalar() == "2026-03-01 06:45:00.000000"
    assert (found, found.tzinfo) == (moment, UTC)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="a time without a zone"), database.writing() as db:
        db.add(Draft(key="k", text="t", updated_at=datetime(2026, 3, 1)))


def test_a_server_that_keeps_zones_is_read_in_utc() -> None:
    east = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Moment().process_result_value(east, SQLITE) == east
    assert Moment().process_result_value(None, SQLITE) is None


@given(some.binary(max_size=300).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")))
def test_a_name_of_any_byte_survives(name: str) -> None:
    kept = FileName().process_bind_param(name, SQLITE)
    assert FileName().process_result_value(kept, SQLITE) == name


@given(some.binary(max_size=10_000))
def test_packed_bytes_come_back(content: bytes) -> None:
    kept = Packed().process_bind_param(content, SQLITE)
    assert Packed().process_result_value(kept, SQLITE) == content


@pytest.mark.parametrize("kind", [FileName(), Packed(), Word(ChangeState), Moment()])
def test_nothing_stays_nothing(kind: FileName | Packed | Word | Moment) -> None:
    assert kind.process_bind_param(None, SQLITE) is None
    assert kind.process_result_value(None, SQLITE) is None


def test_an_enum_lies_in_the_file_as_its_word(database: Database) -> None:
    word = Word(ChangeState)
    assert word.process_bind_param(ChangeState.IN_REVIEW, SQLITE) == "in_review"
    assert word.process_bind_param("in_review", SQLITE) == "in_review"
    assert word.process_result_value("in_review", SQLITE) is ChangeState.IN_REVIEW
    with pytest.raises(ValueError, match="no_such"):
        word.process_bind_param("no_such", SQLITE)


def test_a_file_of_a_diff_is_found_as_it_was_and_small(database: Database) -> None:
    diff = FileDiff(
        path="caf\udce9/\n.txt",
        old_path="old\udcff",
        status=FileStatus.RENAMED,
        old_mode="100644",
        new_mode="100755",
        old_blob="a" * 40,
        new_blob="b" * 40,
        additions=1,
        deletions=0,
        similarity=97,
        text=b"+the same line again\n" * 1000,
    )
    with database.writing() as db:
        db.add(FileRow.of("base", "head", 0, diff))
    with database.reading() as db:
        assert db.get_one(FileRow, 1).diff == diff
        size = db.connection().execute(text("SELECT length(text) FROM files")).scalar()
        assert isinstance(size, int)
        assert size < len(diff.text) / 20


def test_lists_and_mappings_are_kept_as_they_are(database: Database) -> None:
    with database.writing() as db:
        db.add(Agent(name="mine", family="command", argv=["a b", "ü", ""], env={"K": "$HOME"}))
    with database.reading() as db:
        found = db.get_one(Agent, "mine")
    assert (found.argv, found.env) == (["a b", "ü", ""], {"K": "$HOME"})
