"""What the record says: facts of real changes, as the services leave them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.domain.change import Change
from server.domain.errors import Invalid, NotFound
from server.domain.insight import ChangeFacts
from server.services import changes, clocks, edits, insights, reviews, revisions
from server.services.insights import Scope
from server.services.narrows import Narrows
from tests.services.workshop import Workshop

ALL = Scope("all")


def facts_of(narrows: Narrows, change: Change) -> ChangeFacts:
    return next(one for one in insights.facts(narrows).changes if one.change == change.id)


def read(narrows: Narrows, change: Change, minutes: float) -> None:
    """The newest revision is read for so long, and that is over now."""
    revision = revisions.of_change(narrows, change.id)[-1]
    clocks.tick(narrows, revision.id, minutes * 60, revision.created_at + timedelta(minutes=minutes))


def test_a_change_that_lands_at_once(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "one\ntwo\n"}, title="Say it")
    assert facts_of(narrows, change).decided_at is None
    read(narrows, change, 3)
    landing = workshop.land(change)
    one = facts_of(narrows, change)
    assert (one.title, one.agent, one.kind, one.project) == ("Say it", "demo", "directed", workshop.project.name)
    assert (one.landing, one.landed_at, one.decided_at) == (landing.id, landing.ended_at, landing.ended_at)
    assert (one.additions, one.lines_to_read, one.read_minutes, one.revisions, one.rounds) == (2, 2, 3.0, 1, 0)
    assert one.unmodified
    assert not one.taken_back
    assert one.waited_for_you_hours >= 0
    assert one.worked_hours >= 0
    assert len(insights.facts(narrows).waits_for_you) == 1


def test_rework_and_edits_by_hand_are_told_apart(narrows: Narrows, workshop: Workshop) -> None:
    sent_back = workshop.change({"said.txt": "one\n"})
    reviews.request_changes(narrows, sent_back.id, revision=1, message="Say two.")
    [run] = workshop.admit()
    sent_back = workshop.finish(run, {"said.txt": "two\n"})
    workshop.land(sent_back)
    one = facts_of(narrows, sent_back)
    assert (one.rounds, one.revisions, one.edited, one.unmodified) == (1, 2, False, False)
    assert [span.change for span in insights.facts(narrows).waits_for_agent] == [sent_back.id]
    assert len(insights.facts(narrows).waits_for_you) == 2

    by_hand = workshop.change({"other.txt": "one\n"})
    edits.edit(narrows, by_hand.id, revision=1, path="other.txt", text="mine\n")
    workshop.land(by_hand)
    one = facts_of(narrows, by_hand)
    assert (one.rounds, one.edited, one.unmodified) == (0, True, False)


def test_an_undone_landing_is_taken_back(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change()
    landing = workshop.land(change)
    workshop.undo(landing)
    one = facts_of(narrows, change)
    assert one.landed
    assert one.taken_back
    assert one.undone_at is not None
    assert [back.change for back in insights.taken_back(narrows, ALL)] == [change.id]


def test_an_abandoned_change_is_decided_and_never_landed(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change()
    changes.abandon(narrows, change.id)
    one = facts_of(narrows, change)
    assert one.decided_at is not None
    assert not one.landed
    assert [each.change for each in insights.changes(narrows, ALL)] == [change.id]


def test_estimates_are_compared_with_the_first_revision_that_was_read(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "one\n" * 100})
    read(narrows, change, 2)
    reviews.request_changes(narrows, change.id, revision=1, message="Less.")
    [run] = workshop.admit()
    read(narrows, workshop.finish(run, {"said.txt": "one\n"}), 1)
    [estimate] = insights.facts(narrows).estimates
    assert (estimate.change, estimate.took) == (change.id, 2.0)
    assert estimate.expected == pytest.approx(revisions.of_change(narrows, change.id)[0].minutes, abs=0.01)


def test_the_record_is_read_again_only_when_something_happened(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change()
    once = insights.facts(narrows)
    figures = insights.every(narrows, ALL)
    assert insights.facts(narrows) is once
    assert insights.every(narrows, ALL) is figures
    read(narrows, change, 1)
    assert insights.facts(narrows) is not once


def test_what_there_is_not_is_said(narrows: Narrows) -> None:
    with pytest.raises(Invalid, match="'12' is no period"):
        Scope("12")
    with pytest.raises(NotFound, match="There is no figure 'luck'"):
        insights.one(narrows, "luck", ALL)


def test_without_a_record_every_figure_says_what_will_be_there(narrows: Narrows) -> None:
    for figure in insights.every(narrows, ALL):
        assert figure.rows == ()
        assert figure.said == ""
        assert figure.soon.endswith(".")
    assert insights.faster(narrows).sentence == "Can't tell yet: nothing has been decided."
