"""The landing line: who is at work, who waits for whom, who is taken out."""

from __future__ import annotations

import pytest

from server.domain.states import ChangeState, LandingState
from server.services import assessments, landings, projects, undos
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


def claimed(workshop: Workshop) -> list[int]:
    return [each.id for each in workshop.claim()]


def test_the_first_few_of_a_line_are_at_work_and_move_in_order(workshop: Workshop) -> None:
    narrows = workshop.narrows
    first, second, third = (landings.land(narrows, workshop.change().id, revision=1) for _ in range(3))
    assert [(each.behind, each.old) for each in (second, third)] == [
        (first.id, first.commit),
        (second.id, second.commit),
    ]
    assert claimed(workshop) == [first.id, second.id]
    assert claimed(workshop) == []
    assert [each.id for each in landings.mine(narrows, "local")] == [first.id, second.id]
    assert not landings.move(narrows, second.id), "the first is not there yet"
    assert landings.move(narrows, first.id)
    assert claimed(workshop) == [third.id]
    landings.fail(narrows, second.id, "red")
    assert not landings.move(narrows, third.id), "it stands on what failed"
    rebuilt = landings.rebuild(narrows, third.id)
    assert (rebuilt.old, rebuilt.behind) == (first.commit, None)
    assert landings.move(narrows, third.id)


def test_taking_back_goes_behind_what_was_there_and_before_what_comes(workshop: Workshop) -> None:
    narrows = workshop.narrows
    made = [workshop.change() for _ in range(3)]
    first, second = (landings.land(narrows, change.id, revision=1) for change in made[:2])
    assert claimed(workshop) == [first.id, second.id]
    assert landings.move(narrows, first.id)
    undos.ask(narrows, first.id)
    third = landings.land(narrows, made[2].id, revision=1)
    assert claimed(workshop) == [], "the second lands first"
    assert landings.move(narrows, second.id)
    assert claimed(workshop) == [first.id], "and the third waits for the undo"
    assert undos.take_back(narrows, first.id, undos.plan(narrows, first.id))
    assert claimed(workshop) == [third.id]
    assert not landings.move(narrows, third.id)
    landings.rebuild(narrows, third.id)
    assert landings.move(narrows, third.id)


def test_the_newest_of_several_landings_is_taken_back_first(workshop: Workshop, repository: Repository) -> None:
    narrows, before = workshop.narrows, repository.head
    first, second = [workshop.land(change) for change in [workshop.change(), workshop.change()]]
    undos.ask(narrows, first.id)
    undos.ask(narrows, second.id)
    for landing in (second, first):
        assert claimed(workshop) == [landing.id]
        plan = undos.plan(narrows, landing.id)
        assert not plan.revert
        assert undos.take_back(narrows, landing.id, plan)
    assert repository.head == before


def test_what_conflicts_with_one_before_it_in_line_names_that_one(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    base = repository.head
    other, first = workshop.change(), workshop.change(EDITED)
    second = workshop.change({"notes.txt": "one\n2\nthree\n"})
    for each in (other, first):
        landings.land(narrows, each.id, revision=1)
    with pytest.raises(assessments.Objected) as refused:
        landings.land(narrows, second.id, revision=1)
    assert refused.value.message == f"It conflicts with #{first.id}, which lands before it: notes.txt."
    assert repository.head == base


def test_what_was_built_in_line_keeps_its_commit_when_the_one_before_it_lands(
    workshop: Workshop, repository: Repository
) -> None:
    first, second = (landings.land(workshop.narrows, workshop.change().id, revision=1) for _ in range(2))
    workshop.claim()
    workshop.prove(second)
    for each in (first, second):
        assert landings.move(workshop.narrows, each.id)
    assert landings.get(workshop.narrows, second.id).tries == 0
    assert repository.head == second.commit


def test_landings_on_different_targets_go_side_by_side(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    repository.branch("release")
    first = landings.land(narrows, workshop.change().id, revision=1)
    change = workshop.change()
    projects.configure(narrows, workshop.project.id, target_branch="release")
    second = landings.land(narrows, change.id, revision=1)
    assert [each.id for each in workshop.claim()] == [first.id, second.id]


def test_a_landing_that_waits_is_taken_out_of_the_line(workshop: Workshop, repository: Repository) -> None:
    narrows = workshop.narrows
    change, before = workshop.change(EDITED), repository.head
    landing = landings.land(narrows, change.id, revision=1)
    assert undos.ask(narrows, landing.id).state is LandingState.CANCELLED
    change = workshop.get(change)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "You took it out of the landing line.")
    assert workshop.claim() == []
    assert repository.head == before


def test_what_is_proven_is_taken_out_of_the_line_until_it_moves(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(EDITED)
    landing = landings.land(narrows, change.id, revision=1)
    workshop.claim()
    assert undos.ask(narrows, landing.id).state is LandingState.CANCELLED
    assert workshop.get(change).state is ChangeState.IN_REVIEW
    assert landings.move(narrows, landing.id), "nothing is left to do"
    assert landings.get(narrows, landing.id).state is LandingState.CANCELLED
