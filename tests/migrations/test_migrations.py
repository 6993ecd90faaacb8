"""Every older database comes up to this version's schema, with all that was in it, after a copy was made."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, String, Table, create_engine
from sqlmodel import SQLModel, select

from alembic import command
from server import assets
from server.domain import tables
from server.domain.errors import NarrowsError
from server.store import migrations
from server.store.database import Database
from tests.migrations.seeds import SEEDS


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'narrows.db'}")
    yield opened
    opened.close()


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(migrations.config(create_engine("sqlite://")))


def every_revision() -> list[str]:
    """Oldest first."""
    return [script.revision for script in scripts().walk_revisions()][::-1]


def differences(database: Database, metadata: MetaData) -> list[Any]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        return list(compare_metadata(context, metadata))


def current(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def test_an_empty_folder_gets_the_newest_schema_and_no_backup(database: Database, tmp_path: Path) -> None:
    migrations.migrate(database.engine, tmp_path / "backups")
    assert current(database) == scripts().get_current_head()
    assert not (tmp_path / "backups").exists()


def test_migrations_make_exactly_what_the_models_say(database: Database, tmp_path: Path) -> None:
    migrations.migrate(database.engine, tmp_path)
    assert differences(database, tables.metadata) == []


def test_a_model_without_its_migration_would_be_noticed(database: Database, tmp_path: Path) -> None:
    migrations.migrate(database.engine, tmp_path)
    forgotten = MetaData(naming_convention=tables.metadata.naming_convention)
    for table in tables.metadata.tables.values():
        table.to_metadata(forgotten)
    forgotten.tables["tasks"].append_column(Column("forgotten", String, nullable=True))
    Table("strangers", forgotten, Column("id", String, primary_key=True))
    assert sorted(each[0] for each in differences(database, forgotten)) == ["add_column", "add_table"]


def test_starting_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    migrations.migrate(database.engine, tmp_path / "backups")
    with database.engine.connect() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        migrations.migrate(database.engine, tmp_path / "backups")
        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before
    assert not (tmp_path / "backups").exists()


def test_every_revision_has_a_filled_database() -> None:
    assert list(SEEDS) == every_revision()


def fill(database: Database, revision: str) -> dict[str, list[dict[str, Any]]]:
    """A database as that revision's Narrows would have left it."""
    command.upgrade(migrations.config(database.engine), revision)
    rows = SEEDS[revision]
    with database.engine.begin() as connection:
        for table, filled in rows.items():
            for row in filled:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" for _ in row)
                connection.exec_driver_sql(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values()))
    return rows


@pytest.mark.parametrize("revision", SEEDS)
def test_a_filled_database_of_that_revision_comes_up_whole(database: Database, tmp_path: Path, revision: str) -> None:
    rows = fill(database, revision)

    migrations.migrate(database.engine, tmp_path / "backups")

    assert current(database) == every_revision()[-1]
    with database.reading() as db:
        for kind in kinds():
            found = db.exec(select(kind)).all()
            assert len(found) == len(rows.get(kind.__table__.name, []))
            assert all(row.model_dump() for row in found)
        broken = db.connection().exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        whole = db.connection().exec_driver_sql("PRAGMA integrity_check").scalar()
    assert (broken, whole) == ([], "ok")


def kinds() -> list[Any]:
    return [
        kind
        for name in tables.__all__
        if isinstance(kind := getattr(tables, name), type) and issubclass(kind, SQLModel)
    ]


@pytest.mark.parametrize("revision", SEEDS)
def test_each_table_has_a_row_in_the_filled_database(revision: str) -> None:
    names = set(SEEDS[revision])
    assert names >= {"projects", "tasks", "changes", "runs", "revisions", "files", "checks", "landings", "events"}
    assert all(SEEDS[revision].values())


def test_a_copy_is_made_before_an_upgrade(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backups = tmp_path / "backups"
    fill(database, list(SEEDS)[-1])
    pretend_newer(tmp_path, monkeypatch)

    migrations.migrate(database.engine, backups)

    assert current(database) == "9999"
    [copy] = backups.iterdir()
    assert copy.name.startswith("narrows-")
    with sqlite3.connect(copy) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == (list(SEEDS)[-1],)
        assert kept.execute("SELECT title FROM tasks").fetchall() == [("Say what it does",), ("Then this",)]
    kept.close()


def test_the_newest_few_copies_are_kept(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    for day in range(1, 10):
        (backups / f"narrows-2020010{day}T000000-0001.db").write_bytes(b"")
    (backups / "mine.db").write_bytes(b"the person's own")
    migrations.migrate(database.engine, backups)
    pretend_newer(tmp_path, monkeypatch)

    migrations.migrate(database.engine, backups)

    names = sorted(path.name for path in backups.iterdir())
    assert "mine.db" in names
    assert [name[8:16] for name in names if name != "mine.db"][:4] == ["20200106", "20200107", "20200108", "20200109"]
    assert len(names) == migrations.KEPT_BACKUPS + 1


NEWER = """
from alembic import op
import sqlalchemy as sa

revision, down_revision, branch_labels, depends_on = "9999", {before!r}, None, None


def upgrade():
    with op.batch_alter_table("tasks", recreate="always") as batch:
        batch.add_column(sa.Column("colour", sa.String(), nullable=True))
"""


def pretend_newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Narrows with one more migration, which makes a table anew, as SQLite needs it for most alterations."""
    folder = tmp_path / "alembic"
    shutil.copytree(assets.migrations(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions/9999_newer.py").write_text(NEWER.format(before=list(SEEDS)[-1]))
    monkeypatch.setattr(assets, "migrations", lambda: folder)


def test_a_table_made_anew_keeps_its_rows_and_all_that_point_to_them(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = fill(database, list(SEEDS)[-1])
    pretend_newer(tmp_path, monkeypatch)

    migrations.migrate(database.engine, tmp_path / "backups")

    with database.engine.connect() as connection:
        for table in ("tasks", "changes", "runs", "task_links"):
            found = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert found == len(rows.get(table, [])), table
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_a_newer_narrows_is_refused_and_left_alone(database: Database, tmp_path: Path) -> None:
    migrations.migrate(database.engine, tmp_path)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(NarrowsError) as refused:
        migrations.migrate(database.engine, tmp_path / "backups")
    assert refused.value.code == "newer_data"
    assert refused.value.message == "This data folder was written by a newer Narrows."
    assert "--data DIR" in refused.value.hint
    assert current(database) == "from-the-future"
    assert not (tmp_path / "backups").exists()


def test_migrations_are_found_in_a_folder_with_a_percent_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "100%"
    shutil.copytree(assets.migrations(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(assets, "migrations", lambda: folder)
    database = Database(f"sqlite:///{tmp_path / 'narrows.db'}")
    migrations.migrate(database.engine, tmp_path / "backups")
    assert current(database) is not None
    database.close()


def test_alembic_itself_finds_its_way_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWS_DATABASE_URL", f"sqlite:///{tmp_path / 'shell.db'}")
    settings = migrations.config(create_engine("sqlite://"))
    del settings.attributes["engine"]
    command.upgrade(settings, "head")
    with sqlite3.connect(tmp_path / "shell.db") as made:
        assert made.execute("SELECT count(*) FROM projects").fetchone() == (0,)
    made.close()
