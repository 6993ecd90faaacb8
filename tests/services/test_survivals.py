"""What became of landed lines is looked up once for each move of the target, and kept."""

from __future__ import annotations

import asyncio

from server.git import commands
from server.services import events, insights, survivals
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository


def lines(narrows: Narrows) -> list[tuple[int | None, int | None]]:
    return [(one.lines_landed, one.lines_left) for one in insights.facts(narrows).changes]


def test_lines_are_followed_to_where_the_target_is(
    narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    workshop.land(workshop.change({"one.txt": "1\n2\n3\n"}))
    assert lines(narrows) == [(None, None)]
    assert survivals.follow(narrows, workshop.project.id)
    assert lines(narrows) == [(3, 3)]
    workshop.land(workshop.change({"two.txt": "4\n"}))
    repository.commit("by hand", {"one.txt": "1\nmine\n3\n"})
    assert survivals.follow(narrows, workshop.project.id)
    assert lines(narrows) == [(3, 2), (1, 1)]


def test_nothing_is_asked_of_git_while_the_target_stays(narrows: Narrows, workshop: Workshop) -> None:
    workshop.land(workshop.change())
    assert survivals.follow(narrows, workshop.project.id)
    before = commands.started()
    assert not survivals.follow(narrows, workshop.project.id)
    assert commands.started() - before <= 2, "where the target is, and no more"


def test_a_revert_is_found_by_its_message(narrows: Narrows, workshop: Workshop, repository: Repository) -> None:
    change = workshop.change()
    landing = workshop.land(change)
    assert landing.commit is not None
    repository.git("reset", "-q", "--hard", landing.commit)
    repository.git("revert", "--no-edit", landing.commit)
    survivals.follow(narrows, workshop.project.id)
    [back] = insights.taken_back(narrows, insights.Scope("all"))
    assert (back.change, back.reverted_by, back.undone_at) == (change.id, repository.head, None)


def test_undone_landings_are_followed_no_more(narrows: Narrows, workshop: Workshop) -> None:
    landing = workshop.land(workshop.change())
    workshop.undo(landing)
    assert not survivals.follow(narrows, workshop.project.id)
    assert lines(narrows) == [(None, None)]


def test_following_is_told_and_asking_is_of_the_moment(narrows: Narrows, workshop: Workshop) -> None:
    workshop.land(workshop.change())
    before = events.last_id(narrows)

    async def story() -> list[tuple[str, str, int]]:
        with narrows.bus.subscribe() as signals:
            await asyncio.to_thread(survivals.ask, narrows)
            return [(one.topic, one.verb, one.id) for one in await signals.batch() or []]

    assert asyncio.run(story()) == [("survival", "asked", workshop.project.id)]
    assert events.last_id(narrows) == before
    survivals.follow(narrows, workshop.project.id)
    [told] = events.since(narrows, before)
    assert (told.noun, told.verb, told.data) == ("survival", "followed", {"landings": 1})
