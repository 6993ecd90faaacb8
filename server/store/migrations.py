"""Bringing the database to this version's schema, after a copy of the file."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from alembic import command
from server import assets
from server.domain.errors import NarrowsError

KEPT_BACKUPS = 5


def config(engine: Engine) -> Config:
    """Alembic's configuration for this database, in a checkout as in the wheel."""
    made = Config()
    made.set_main_option("script_location", str(assets.migrations()).replace("%", "%%"))
    made.attributes["engine"] = engine
    return made


def migrate(engine: Engine, backups: Path) -> None:
    """Upgrade to the newest schema; nothing happens when it is there already.

    Raises:
        NarrowsError: The database was written by a newer Narrows.
    """
    settings = config(engine)
    scripts = ScriptDirectory.from_config(settings)
    head = scripts.get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    if current is not None:
        if current not in {script.revision for script in scripts.walk_revisions()}:
            raise NarrowsError(
                "This data folder was written by a newer Narrows.",
                "Upgrade Narrows, or start it with another folder: --data DIR.",
                code="newer_data",
            )
        _back_up(engine, backups, current)
    command.upgrade(settings, "head")


def _back_up(engine: Engine, backups: Path, current: str) -> None:
    """A whole copy of a SQLite file, by SQLite's own backup; the newest few are kept."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path:
        return
    backups.mkdir(parents=True, exist_ok=True, mode=0o700)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    target = backups / f"narrows-{moment}-{current}.db"
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    for old in sorted(backups.glob("narrows-*.db"))[:-KEPT_BACKUPS]:
        old.unlink()
