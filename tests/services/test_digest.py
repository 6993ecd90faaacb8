"""A digest tells what came about since an event, as it stands when it is read."""

from __future__ import annotations

import pytest

from server.domain.change import Change
from server.domain.landing import Landing
from server.domain.states import RunState
from server.services import changes, digest, events, landings, questions, reviews, undos
from server.services.digest import Digest
from tests.services.workshop import ME, Workshop


@pytest.fixture
def read(workshop: Workshop) -> Change:
    """The change that the person begins to read."""
    return workshop.change(title="Read")


def now(workshop: Workshop) -> int:
    return events.last_id(workshop.narrows)


def test_nothing_happened(workshop: Workshop, read: Change) -> None:
    told = digest.since(workshop.narrows, now(workshop))
    assert told == Digest()
    assert not told


def test_what_came_is_told_by_what_it_needs(workshop: Workshop, read: Change) -> None:
    began = now(workshop)
    came = [workshop.change(title=title).id for title in ("One", "Two")]
    workshop.file("Failed")
    [run] = workshop.admit()
    failed = workshop.finish(run, {}, state=RunState.FAILED, error="It broke.")
    workshop.file("Asks")
    [run] = workshop.admit()
    questions.ask(workshop.narrows, run.id, ME, tool="execute", title="Run make", detail="make")
    told = digest.since(workshop.narrows, began)
    assert told == Digest(asking=[run.change_id], stalled=[failed.id], came=came)
    assert digest.since(workshop.narrows, began, besides=came[0]).came == came[1:]


def test_what_is_settled_meanwhile_is_not_told(workshop: Workshop, read: Change) -> None:
    began = now(workshop)
    gone = workshop.change(title="Given up")
    changes.abandon(workshop.narrows, gone.id)
    again = workshop.change(title="Sent back")
    reviews.request_changes(workshop.narrows, again.id, revision=1, message="Not so.")
    assert not digest.since(workshop.narrows, began)
    [run] = workshop.admit()
    workshop.finish(run, {"other.txt": "so\n"})
    assert digest.since(workshop.narrows, began).came == [again.id], "once, however often it came"


def test_landings_are_told_by_their_last_outcome(workshop: Workshop, read: Change) -> None:
    began = now(workshop)
    landed = workshop.land(workshop.change({"a.txt": "a\n"}))
    taken_back = workshop.land(workshop.change({"b.txt": "b\n"}))
    workshop.undo(taken_back)
    kept = workshop.land(workshop.change({"c.txt": "c\n"}))
    undos.ask(workshop.narrows, kept.id)
    undos.stay(workshop.narrows, kept.id, "It is in use.")
    failed = failing(workshop)
    told = digest.since(workshop.narrows, began)
    assert (told.landed, told.undone, told.undo_failed) == ([landed.id], [taken_back.id], [kept.id])
    assert told.failed == [failed.id]


def failing(workshop: Workshop) -> Landing:
    change = workshop.change({"d.txt": "d\n"})
    landing = landings.land(workshop.narrows, change.id, revision=1)
    landings.claim(workshop.narrows, "local")
    landings.fail(workshop.narrows, landing.id, "The target moved.")
    return landing


def test_any_number_is_an_event_that_may_have_been(workshop: Workshop, read: Change) -> None:
    assert digest.since(workshop.narrows, 0).came == [read.id]
    assert not digest.since(workshop.narrows, 10**30)
