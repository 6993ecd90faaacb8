"""Alembic's entry: on the engine that Narrows hands over, or on NARROWS_DATABASE_URL from the shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.types import TypeDecorator

from alembic import context
from server.domain.tables import metadata
from server.store.database import WRITING, open_engine


def plain_type(kind: str, item: object, _context: object) -> str | bool:
    """Migrations name the database's types, not ours, which may change their ways."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


@contextmanager
def unminded_references(connection: Connection) -> Iterator[None]:
    """SQLite makes a table anew by dropping the old one, to which others point: it must not mind meanwhile.

    The pragma does nothing inside a transaction, so it goes around SQLAlchemy, which would begin one.
    """
    driver = connection.connection.driver_connection
    if driver is None or connection.dialect.name != "sqlite":
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def run(engine: Engine) -> None:
    with engine.connect().execution_options(**WRITING) as connection, unminded_references(connection):
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=plain_type,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run(context.config.attributes.get("engine") or open_engine(os.environ["NARROWS_DATABASE_URL"]))
