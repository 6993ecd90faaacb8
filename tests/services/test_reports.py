"""Research: the report is what is read; code that came along is kept apart."""

from __future__ import annotations

import pytest

from server.domain.run import Run
from server.domain.states import ChangeState, RunState
from server.git import mirrors
from server.services import changes, reviews, revisions, runs
from tests.services.workshop import ME, Workshop


@pytest.fixture
def run(workshop: Workshop) -> Run:
    workshop.file("Which parser?", kind="research")
    [run] = workshop.admit()
    return run


def end(workshop: Workshop, run: Run, summary: str, report: str | None = None) -> None:
    """The agent ends, with its last message."""
    revision = workshop.take(run, summary, report)
    runs.end(workshop.narrows, run.id, ME, runs.Ending(RunState.SUCCEEDED, summary=summary))
    runs.decide(workshop.narrows, run.id)
    assert revision is None or revision.tree == revision.base_tree


def test_code_that_came_along_is_no_part_of_the_report_and_is_not_lost(workshop: Workshop, run: Run) -> None:
    workshop.write(run, {"probe.py": "print(1)\n", "notes.txt": "one\n"})
    end(workshop, run, "See the report.", "# The new one")
    report = revisions.get(workshop.narrows, run.change_id, 1)
    assert (report.report, report.summary, report.files) == ("# The new one", "See the report.", 0)
    assert (report.commit, report.tree) == (report.base, report.base_tree)
    assert revisions.files(workshop.narrows, report) == []

    aside = revisions.aside(workshop.narrows, report)
    assert aside is not None
    assert [row.path for row in revisions.outline(workshop.narrows, aside)] == ["notes.txt", "probe.py"]
    assert b"+print(1)" in revisions.patch(workshop.narrows, aside)
    held = mirrors.resolve(workshop.mirror, f"refs/narrows/changes/{run.change_id}/1-aside")
    assert held == report.aside == aside.commit
    assert (workshop.tree(run) / "probe.py").exists(), "a follow-up finds it"


def test_a_report_alone_has_nothing_aside(workshop: Workshop, run: Run) -> None:
    end(workshop, run, "The new one.")
    report = revisions.get(workshop.narrows, run.change_id, 1)
    assert (report.report, report.aside) == ("The new one.", None)
    assert revisions.aside(workshop.narrows, report) is None


def test_code_without_a_report_is_no_answer(workshop: Workshop, run: Run) -> None:
    workshop.write(run, {"probe.py": "print(1)\n"})
    end(workshop, run, "")
    assert revisions.of_change(workshop.narrows, run.change_id) == []


def test_a_follow_up_brings_the_report_anew_and_mere_replies_are_no_report(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    end(workshop, run, "Done.", "# The new one")
    asked = reviews.comment(narrows, run.change_id, revision=1, body="Why?")
    again = reviews.request_changes(narrows, run.change_id, revision=1)
    assert "Write the report anew" in again.prompt
    [again] = workshop.admit()
    end(workshop, again, f"Comment {asked.id}: It is quicker.")
    assert [revision.number for revision in revisions.of_change(narrows, run.change_id)] == [1]
    assert reviews.get_comment(narrows, asked.id).answer == "It is quicker."

    reviews.keep(narrows, run.change_id)
    reviews.request_changes(narrows, run.change_id, revision=1, message="Say so in it.")
    [third] = workshop.admit()
    end(workshop, third, "# The new one\n\nIt is quicker.")
    assert revisions.get(narrows, run.change_id, 2).report == "# The new one\n\nIt is quicker."
    assert changes.get(narrows, run.change_id).state is ChangeState.IN_REVIEW
