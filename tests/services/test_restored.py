"""Abandoned and restored: a change is back as it was; one that was cut short says so and can go on."""

from __future__ import annotations

from server.domain.states import ChangeState, RunState
from server.services import changes, reviews, runs
from tests.services.workshop import Workshop

HALF = {"half.txt": "half\n"}


def test_half_a_work_is_not_presented_as_a_whole_one(workshop: Workshop) -> None:
    narrows = workshop.narrows
    workshop.file()
    [run] = workshop.admit()
    changes.abandon(narrows, run.change_id)
    workshop.finish(run, HALF, state=RunState.STOPPED)
    change = changes.restore(narrows, run.change_id)
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert change.note == "Restored. Its last run did not finish: try again, or review what is there."
    assert reviews.keep(narrows, change.id).state is ChangeState.IN_REVIEW


def test_a_follow_up_that_had_not_begun_can_be_tried_again(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(HALF)
    reviews.request_changes(narrows, change.id, revision=1, message="Louder.")
    changes.abandon(narrows, change.id)
    assert changes.restore(narrows, change.id).state is ChangeState.NEEDS_ATTENTION
    again = runs.retry(narrows, change.id)
    assert "Louder." in again.prompt


def test_what_waited_for_its_reader_waits_for_its_reader(workshop: Workshop) -> None:
    change = workshop.change(HALF)
    changes.abandon(workshop.narrows, change.id)
    restored = changes.restore(workshop.narrows, change.id)
    assert (restored.state, restored.note) == (ChangeState.IN_REVIEW, "")
