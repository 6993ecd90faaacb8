"""What the list of a change's files says beside them."""

from __future__ import annotations

import pytest

from server.web import sheet
from tests.web.pages.conftest import Desk, Person


def test_it_says_that_renames_may_be_missing(person: Person, on_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    change = on_desk.holds(files={"one.py": "one\n", "two.py": "two\n"})
    assert "Too many files" not in person.reads(f"/changes/{change}")
    monkeypatch.setattr(sheet, "renames_unsought", lambda _: True)
    assert "Too many files were added and removed to look for edited ones" in person.reads(f"/changes/{change}")
