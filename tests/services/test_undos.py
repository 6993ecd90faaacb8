"""A landing taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import NarrowsError, WrongState
from server.domain.states import ChangeState, LandingState, TaskState
from server.git import merges
from server.services import landings, undos
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


def test_a_landing_that_nothing_followed_is_as_if_it_never_was(workshop: Workshop, repository: Repository) -> None:
    change, before = workshop.change(EDITED), repository.head
    landing, plan = workshop.undo(workshop.land(change))
    assert not plan.revert
    assert repository.head == before
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"
    change = workshop.get(change)
    assert (landing.state, landing.undo_commit) == (LandingState.UNDONE, before)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "Its landing was undone.")
    assert workshop.task_of(change).state is TaskState.OPEN

    assert workshop.land(change).state is LandingState.LANDED, "and it can land again"


def test_a_landing_with_something_on_top_is_taken_back_by_a_revert(workshop: Workshop, repository: Repository) -> None:
    landing = workshop.land(workshop.change(EDITED, title="Shout"))
    repository.commit("on top", {"other.txt": "other\n"})
    landing, plan = workshop.undo(landing)
    assert plan.revert
    assert repository.log()[:3] == ['Revert "Shout"', "on top", "Shout"]
    assert f"This reverts commit {landing.commit}." in repository.git("log", "-1", "--format=%b")
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"
    assert (repository.path / "other.txt").exists()


def test_a_server_that_died_after_the_revert_reverts_no_second_time(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED, title="Shout"))
    repository.commit("on top", {"other.txt": "other\n"})
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    merges.move(Path(workshop.project.path), workshop.mirror, "main", plan.old, plan.new)  # and killed here
    log = repository.log()

    assert undos.take_back(narrows, landing.id, undos.plan(narrows, landing.id))
    assert repository.log() == log
    assert landings.get(narrows, landing.id).state is LandingState.UNDONE


def test_lines_that_were_changed_since_are_not_taken_back(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    after = repository.commit("on the same line", {"notes.txt": "one\nTwo\nthree\n"})
    undos.ask(narrows, landing.id)
    with pytest.raises(NarrowsError, match=r"Later commits changed the same lines: notes\.txt") as refused:
        undos.plan(narrows, landing.id)
    undos.stay(narrows, landing.id, str(refused.value))
    landing = landings.get(narrows, landing.id)
    assert (landing.state, landing.undo_asked, repository.head) == (LandingState.LANDED, False, after)
    assert "same lines" in landing.error


def test_a_landing_that_is_gone_from_the_target_is_not_taken_back(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    repository.git("reset", "-q", "--hard", "HEAD^")
    repository.commit("another way", {"notes.txt": "1\n"})
    undos.ask(narrows, landing.id)
    with pytest.raises(NarrowsError, match="main no longer contains this landing"):
        undos.plan(narrows, landing.id)


def test_a_target_that_moved_during_the_undo_is_planned_again(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    landing = workshop.land(workshop.change(EDITED))
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    repository.commit("just now")
    assert not undos.take_back(narrows, landing.id, plan)
    assert undos.plan(narrows, landing.id).revert


def test_what_cant_be_taken_back_says_so(workshop: Workshop) -> None:
    narrows = workshop.narrows
    landing = landings.land(narrows, workshop.change(EDITED).id, revision=1)
    workshop.claim()
    workshop.die(landings, "_write_down", landing)
    with pytest.raises(WrongState, match="is being moved just now"):
        undos.ask(narrows, landing.id)
    assert landings.arrived(narrows, landing.id)
    landings.move(narrows, landing.id)
    undos.ask(narrows, landing.id)
    with pytest.raises(WrongState, match="is being taken back"):
        undos.ask(narrows, landing.id)
