"""How much of a revision ran in its checks: only what they wrote themselves, in their own tree, counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.domain.change import Revision
from server.domain.risk import Coverage
from server.services import coverage, events, examinations, revisions, risks
from tests.services.workshop import Workshop

LCOV = "SF:src/said.py\nDA:1,1\nDA:2,0\nDA:3,0\nDA:9,0\nend_of_record\n"
SAID = "a = 1\nb = 2\nc = 3\n"


@pytest.fixture
def revision(workshop: Workshop) -> Revision:
    change = workshop.change({"src/said.py": SAID, "notes.txt": "one\n"})
    return revisions.of_change(workshop.narrows, change.id)[-1]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "clean-1"
    made.mkdir()
    return made


def take(workshop: Workshop, revision: Revision, tree: Path, **written: str) -> Coverage | None:
    """The checks write these files, underscores for slashes, and what they say is taken."""
    before = coverage.standing(tree)
    for name, text in written.items():
        path = tree / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return coverage.take(workshop.narrows, revision, tree, before)


def test_of_the_added_lines_some_ran(workshop: Workshop, revision: Revision, tree: Path) -> None:
    taken = take(workshop, revision, tree, coverage__lcov_info=LCOV)
    assert taken is not None
    assert (taken.covered, taken.coverable, taken.missed) == (1, 3, {"src/said.py": [2, 3]})
    kept = coverage.of_revision(workshop.narrows, revision.id)
    assert kept is not None
    assert kept.missed == taken.missed
    assert [each.verb for each in events.of_change(workshop.narrows, revision.change_id)][-1] == "covered"


def test_it_is_weighed_in_and_said_once_more_where_the_checks_ran_again(
    workshop: Workshop, revision: Revision, tree: Path
) -> None:
    assert examinations.examine(workshop.narrows, revision.change_id)
    take(workshop, revision, tree, lcov_info=LCOV)
    risk = risks.of_revision(workshop.narrows, revision.id)
    assert risk is not None
    assert [1.33, "2 of 3 new lines did not run in the checks."] in risk.reasons
    again = take(workshop, revision, tree, lcov_info=LCOV.replace(",0", ",1"))
    assert again is not None
    assert (again.covered, again.coverable) == (3, 3)
    risk = risks.of_revision(workshop.narrows, revision.id)
    assert risk is not None
    assert [why for _, why in risk.reasons] == ["Source changed, and no test.", "5 changed lines to read."]


def test_several_reports_are_one_and_go_has_its_modules_name(
    workshop: Workshop, revision: Revision, tree: Path
) -> None:
    (tree / "go.mod").write_text("module example.org/x\n")
    blocks = "mode: set\nexample.org/x/src/said.py:2.1,2.9 1 1\n"
    taken = take(workshop, revision, tree, coverage_out=blocks, lcov_info=LCOV)
    assert taken is not None
    assert (taken.covered, taken.missed) == (2, {"src/said.py": [3]})


def test_what_stood_there_before_the_checks_is_no_evidence(workshop: Workshop, revision: Revision, tree: Path) -> None:
    (tree / "lcov.info").write_text(LCOV)
    assert take(workshop, revision, tree) is None
    assert take(workshop, revision, tree, notes_txt="x") is None
    assert coverage.of_revision(workshop.narrows, revision.id) is None


def test_reports_that_say_nothing_of_it_are_none(workshop: Workshop, revision: Revision, tree: Path) -> None:
    assert take(workshop, revision, tree, lcov_info="SF:README.md\nDA:1,1\n", coverage_xml="<no") is None


def test_no_link_is_followed_out_of_the_tree_and_no_pipe_waited_for(
    workshop: Workshop, revision: Revision, tree: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "lcov.info").write_text(LCOV)
    (tree / "coverage").symlink_to(outside)
    (tree / "lcov.info").symlink_to(outside / "lcov.info")
    os.mkfifo(tree / "cover.out")
    (tree / "coverage.out").mkdir()
    assert coverage.standing(tree) == {}
    assert coverage.take(workshop.narrows, revision, tree, {}) is None
    assert coverage.standing(tmp_path / "gone") == {}


def test_a_report_that_is_too_large_is_not_read(
    workshop: Workshop, revision: Revision, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "LARGEST", len(LCOV) - 1)
    assert take(workshop, revision, tree, lcov_info=LCOV) is None


def test_of_very_many_lines_not_all_are_named(
    workshop: Workshop, revision: Revision, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "NAMED", 1)
    taken = take(workshop, revision, tree, lcov_info=LCOV)
    assert taken is not None
    assert (taken.coverable, taken.missed) == (3, {"src/said.py": [2]})
