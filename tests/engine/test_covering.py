"""The checks of a revision, as the engine runs them, leave data about the lines that ran."""

from __future__ import annotations

import asyncio

import pytest

from server.domain.change import Revision
from server.domain.risk import Coverage
from server.engine import checker
from server.engine.workplace import Workplace
from server.services import checks, coverage, projects
from tests.services.workshop import Workshop

REPORT = "printf 'SF:said.txt\\nDA:1,{hits}\\n' > lcov.info"


def judged(
    place: Workplace, workshop: Workshop, revision: Revision, *commands: str, setup: str = ""
) -> Coverage | None:
    project = projects.configure(place.narrows, workshop.project.id, checks=list(commands), setup=setup)
    asyncio.run(checker.judge(place, project, revision, asyncio.Event()))
    return coverage.of_revision(place.narrows, revision.id)


def test_what_ran_is_read_before_the_tree_goes(place: Workplace, workshop: Workshop, revision: Revision) -> None:
    found = judged(place, workshop, revision, REPORT.format(hits=1), "false")
    assert found is not None
    assert (found.covered, found.coverable, found.missed) == (1, 1, {})


def test_what_the_setup_left_is_no_evidence(place: Workplace, workshop: Workshop, revision: Revision) -> None:
    assert judged(place, workshop, revision, "true", setup=REPORT.format(hits=1)) is None


def test_a_failure_to_read_it_leaves_the_checks_their_results(
    place: Workplace, workshop: Workshop, revision: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "take", lambda *_: 1 / 0)
    assert judged(place, workshop, revision, "true") is None
    assert [check.state for check in checks.of_revision(place.narrows, revision.id)] == ["passed"]
