"""A change that no longer merges goes back to its agent, who finds both sides in its tree, and then it lands."""

from __future__ import annotations

import asyncio

from server.agents.protocol import AgentSpec
from server.domain.event import Actor
from server.domain.run import Run
from server.domain.states import RunState
from server.engine import preparation
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.git import trees
from server.services import agents, checks, conflicts, landings, projects, rebases, reviews, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.house import House
from tests.support.repositories import Repository

MINE, THEIRS = {"notes.txt": "MINE\n"}, {"notes.txt": "THEIRS\n", "more.txt": "more\n"}
# It writes its line at first; where it finds a conflict it keeps both lines, without markers.
AGENT = r"""
if grep -q '^<<<<<<<' notes.txt; then sed -i '/^|||||||/,/^=======/d; /^<<<<<<</d; /^>>>>>>>/d' notes.txt
else echo MINE > notes.txt; fi
echo done
"""


def prepare(place: Workplace, run: Run) -> Room:
    place.stops.clear()
    return asyncio.run(preparation.prepare(place, run, AgentSpec("demo", "command", ("true",))))


def sent_onto_target(narrows: Narrows, workshop: Workshop, repository: Repository) -> tuple[Run, str]:
    """The run that is to merge, and the target's commit."""
    change = workshop.change(MINE)
    there = repository.commit("theirs", THEIRS)
    reviews.request_changes(narrows, change.id, revision=1, message="Merge it.", onto_target=True)
    [run] = workshop.admit()
    return run, there


def test_the_tree_is_brought_onto_the_target_and_its_agent_is_told(
    place: Workplace, narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    run, there = sent_onto_target(narrows, workshop, repository)
    room = prepare(place, run)
    assert room.base == there
    assert trees.head(workshop.mirror, room.tree) == there
    assert "<<<<<<<" in (room.tree / "notes.txt").read_text()
    assert f"HEAD is at {there}" in room.prompt
    assert "- `notes.txt`" in room.prompt
    assert "Merge it." in room.prompt
    again = prepare(place, run)
    assert (again.base, again.prompt) == (there, room.prompt)


def test_a_tree_that_was_lost_is_brought_there_from_the_last_revision(
    place: Workplace, narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    run, there = sent_onto_target(narrows, workshop, repository)
    room = prepare(place, run)
    (room.tree / "notes.txt").write_text("half done\n")
    run = narrows_again(narrows, run)
    room = prepare(place, run)
    assert (room.base, trees.head(workshop.mirror, room.tree)) == (there, there)
    assert "MINE" in (room.tree / "notes.txt").read_text()


def narrows_again(narrows: Narrows, run: Run) -> Run:
    """Its worker died, and its agent remembers nothing."""
    begun = runs.begin(narrows, run.id, run.executor or "")
    assert begun is not None
    assert begun.attempt == 2
    return begun


def test_another_try_is_brought_there_too(
    place: Workplace, narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    run, there = sent_onto_target(narrows, workshop, repository)
    workshop.end(run, RunState.FAILED, "The setup failed.")
    runs.decide(narrows, run.id)
    assert runs.retry(narrows, run.change_id).onto == there


def test_what_narrows_brought_up_to_date_is_told(
    place: Workplace, narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    change = workshop.change(MINE)
    there = repository.commit("more", {"more.txt": "more\n"})
    rebases.bring_up(narrows, change.id, revision=1)
    reviews.request_changes(narrows, change.id, revision=2, message="Go on.")
    [run] = workshop.admit()
    room = prepare(place, run)
    assert (room.base, trees.head(workshop.mirror, room.tree)) == (there, there)
    assert (room.tree / "more.txt").exists()
    assert f"HEAD is at {there}" in room.prompt
    assert "did not merge" not in room.prompt


def test_from_the_conflict_to_the_landing(house: House, repository: Repository) -> None:
    """The whole way: two changes of one line, the second is sent to its agent, and lands with both."""
    narrows = house.narrows
    agents.add(narrows, "merger", "command", ["/bin/sh", "-c", AGENT])
    project = projects.register(
        narrows, str(repository.path), name="merging", checks=["! grep -q '^<<<<<<<' notes.txt"]
    )
    task = tasks.file(narrows, project_id=project.id, title="Say mine", agent="merger")
    change = house.waits(task)
    repository.commit("theirs", THEIRS)
    message = conflicts.prompt(narrows, change.id)
    reviews.request_changes(narrows, change.id, revision=1, message=message, onto_target=True)
    house.until(lambda: revisions.of_change(narrows, change.id)[1:] or None)
    house.waits(task)
    second = revisions.get(narrows, change.id, 2)
    assert second.base == repository.head
    assert [file.path for file in revisions.files(narrows, second)] == ["notes.txt"]
    landing = house.landed(landings.land(narrows, change.id, revision=2))
    assert repository.show("main:notes.txt") == "THEIRS\nMINE\n"
    assert landing.acknowledged == []


def test_what_was_brought_up_to_date_is_checked_in_the_background(house: House, repository: Repository) -> None:
    narrows = house.narrows
    agents.add(narrows, "sayer", "command", ["/bin/sh", "-c", "echo MINE > mine.txt; echo done"])
    project = projects.register(narrows, str(repository.path), name="bringing", checks=["test -f mine.txt"])
    change = house.waits(tasks.file(narrows, project_id=project.id, title="Say mine", agent="sayer"))
    repository.commit("theirs", THEIRS)
    made = rebases.bring_up(narrows, change.id, revision=1)
    assert made.made_by is Actor.ENGINE

    def judged() -> bool | None:
        return all(check.state == "passed" for check in checks.of_revision(narrows, made.id)) or None

    assert house.until(judged)
    house.landed(landings.land(narrows, change.id, revision=2))
    assert repository.show("main:mine.txt") == "MINE\n"
