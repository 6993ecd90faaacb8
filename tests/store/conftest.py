from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.tables import metadata
from server.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database file with every table and nothing in it."""
    opened = Database(f"sqlite:///{tmp_path / 'narrows.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()
