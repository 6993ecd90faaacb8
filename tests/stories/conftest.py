"""What several stories have: the process that starts engines which are to die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.crashing import Nursery


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery
