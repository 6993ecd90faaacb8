"""Tests that a change removes or skips, from its commit to the flags beside its diff."""

from __future__ import annotations

from server.domain.flag import FlagKind
from server.domain.review import Side
from server.services import examinations, revisions
from server.store import queries
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

TESTS = "def test_opens():\n    assert box.open() == 3\n\n\ndef test_shuts():\n    assert box.shut()\n"


def test_a_removed_and_a_skipped_test_are_flagged_at_their_lines(workshop: Workshop, repository: Repository) -> None:
    repository.commit("Tests", {"tests/test_box.py": TESTS})
    change = workshop.change({"tests/test_box.py": "@pytest.mark.skip\n" + TESTS.partition("\n\n\n")[0] + "\n"})
    assert not examinations.is_light(workshop.narrows, change.id), "a grammar reads it"
    assert examinations.examine(workshop.narrows, change.id)
    revision = revisions.of_change(workshop.narrows, change.id)[-1]
    with workshop.narrows.reading() as db:
        found = {(flag.kind, flag.line, flag.side) for flag in queries.flags_of_revision(db, revision.id)}
    assert (FlagKind.REMOVED_TEST, 5, Side.OLD) in found
    assert (FlagKind.SKIPPED_TEST, 1, Side.NEW) in found
