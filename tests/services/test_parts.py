"""Part of a change: it lands by itself, and the rest goes on from there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, WrongState
from server.domain.event import Actor
from server.domain.run import Reason
from server.domain.states import ChangeState, CheckState, LandingState, TaskState
from server.git import mirrors
from server.services import assessments, changes, checks, events, landings, parts, reviews, revisions, undos
from server.services.assessments import Objected
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

NOTES = "".join(f"note {number}\n" for number in range(40))
EDITED = NOTES.replace("note 2\n", "note two\n").replace("note 38\n", "note thirty-eight\n")
FILES = {"notes.txt": EDITED, "new.txt": "new\n", "README.md": None}


@pytest.fixture
def change(workshop: Workshop, repository: Repository) -> Change:
    """In review: a file edited in two places, a new one, a deleted one."""
    repository.commit("more notes", {"notes.txt": NOTES})
    return workshop.change(FILES)


def split(narrows: Narrows, change: Change, chosen: Mapping[int | str, set[int] | None], **wishes: str) -> parts.Split:
    newest = revisions.of_change(narrows, change.id)[-1].number
    return parts.split(narrows, change.id, revision=newest, chosen=chosen, **wishes)  # type: ignore[arg-type]


def newest(narrows: Narrows, change: Change) -> Revision:
    return revisions.of_change(narrows, change.id)[-1]


def text(workshop: Workshop, commit: str, path: str) -> str | None:
    found = mirrors.read_file(workshop.mirror, commit, path)
    return None if found is None else found.decode()


def test_a_part_is_a_change_of_its_own_and_the_rest_the_next_revision(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    whole = newest(narrows, change)
    done = split(narrows, change, {"notes.txt": {0}, "new.txt": None}, rest="keep")
    part, rest = newest(narrows, done.part), newest(narrows, done.rest)
    assert (done.part.state, done.part.part_of, done.part.task_id) == (ChangeState.IN_REVIEW, change.id, change.task_id)
    assert (part.number, part.base, part.made_by, part.run_id) == (1, whole.base, Actor.YOU, None)
    assert part.summary == "A part of revision 1: new.txt, notes.txt (1 of 2 hunks)."
    assert text(workshop, part.commit, "notes.txt") == NOTES.replace("note 2\n", "note two\n")
    assert text(workshop, part.commit, "README.md") is not None
    assert (rest.number, rest.base, rest.tree, rest.made_by) == (2, part.commit, whole.tree, Actor.YOU)
    assert {row.path for row in revisions.outline(narrows, rest)} == {"README.md", "notes.txt"}
    for revision in (part, rest):
        assert mirrors.resolve(workshop.mirror, revision.ref) == revision.commit
    told = [(event.actor, event.verb, event.noun) for event in events.of_change(narrows, change.id)][-2:]
    assert told == [("you", "revised", "revision"), ("you", "split", "change")]
    assert [event.verb for event in events.of_change(narrows, done.part.id)] == ["began", "revised"]
    with pytest.raises(WrongState, match="You read revision 1; the newest is 2"):
        landings.land(narrows, change.id, revision=1)


def test_the_part_waits_for_its_checks_and_the_rest_is_the_tree_that_passed(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    done = split(narrows, change, {"new.txt": None}, rest="keep")
    part, rest = newest(narrows, done.part), newest(narrows, done.rest)
    assert [revision.id for revision in checks.unjudged(narrows)] == [part.id]
    assert [check.state for check in checks.of_revision(narrows, part.id)] == [CheckState.QUEUED]
    assert [check.state for check in checks.of_revision(narrows, rest.id)] == [CheckState.PASSED]


def test_the_rest_goes_back_to_its_agent_who_is_told_what_is_settled(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    reviews.comment(narrows, change.id, revision=1, body="Why?", path="README.md", side="old", line=1)
    done = split(narrows, change, {"new.txt": None}, message="Keep the readme.")
    assert done.rest.state is ChangeState.WORKING
    (run,) = workshop.admit()
    assert run.reason is Reason.REVIEW
    assert "A part of revision 1: new.txt. That part is settled" in run.prompt
    assert "Keep the readme." in run.prompt
    assert "Why?" in run.prompt
    assert (workshop.tree(run) / "new.txt").read_text() == "new\n", "the tree stays whole"
    workshop.finish(run, {"README.md": "# Project\n"})
    again = newest(narrows, change)
    assert (again.number, again.base) == (3, newest(narrows, done.part).commit)
    assert [row.path for row in revisions.outline(narrows, again)] == ["notes.txt"]


@pytest.mark.parametrize("first", ["part", "rest"])
def test_both_land_one_after_the_other_and_the_task_is_done_with_the_second(
    narrows: Narrows, workshop: Workshop, repository: Repository, change: Change, first: str
) -> None:
    done = split(narrows, change, {"notes.txt": {1}}, rest="keep")
    order = [done.part, done.rest] if first == "part" else [done.rest, done.part]
    landing = workshop.land(order[0])
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is True
    assert workshop.task_of(change).state is TaskState.OPEN
    one = (
        NOTES.replace("note 38\n", "note thirty-eight\n")
        if first == "part"
        else NOTES.replace("note 2\n", "note two\n")
    )
    assert repository.show("main:notes.txt") == one, "never silently the other half"
    workshop.land(order[1])
    assert repository.show("main:notes.txt") == EDITED
    assert repository.show("main:new.txt") == "new\n"
    assert workshop.task_of(change).state is TaskState.DONE


def test_a_rest_that_needs_its_part_conflicts_until_that_has_landed(
    narrows: Narrows, workshop: Workshop, repository: Repository, change: Change
) -> None:
    done = split(narrows, change, {"notes.txt": {0}})
    (run,) = workshop.admit()
    workshop.finish(run, {"notes.txt": EDITED.replace("note two\n", "note two, and more of it\n")})
    number = newest(narrows, change).number
    with pytest.raises(Objected, match=r"no longer merges with main: notes\.txt"):
        landings.land(narrows, change.id, revision=number)
    workshop.land(done.part)
    assert landings.land(narrows, change.id, revision=number).state is LandingState.QUEUED


def test_a_part_that_landed_and_a_rest_that_is_given_up_end_the_task(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    done = split(narrows, change, {"new.txt": None}, rest="keep")
    landing = workshop.land(done.part)
    changes.abandon(narrows, change.id)
    assert workshop.task_of(change).state is TaskState.DONE
    undos.ask(narrows, landing.id)
    workshop.claim()
    assert undos.take_back(narrows, landing.id, undos.plan(narrows, landing.id))
    assert workshop.task_of(change).state is TaskState.OPEN
    changes.abandon(narrows, done.part.id)
    assert workshop.task_of(change).state is TaskState.DROPPED


def test_a_part_lands_at_once(narrows: Narrows, workshop: Workshop, repository: Repository, change: Change) -> None:
    done = parts.land(
        narrows, change.id, revision=1, chosen={"new.txt": None}, rest="keep", commit_message="New\n\nOnly that.\n"
    )
    assert done.trouble is None
    assert done.landing is not None
    assert (done.landing.state, done.part.state) == (LandingState.QUEUED, ChangeState.LANDING)
    assert checks.of_revision(narrows, newest(narrows, done.part).id) == [], "the landing proves it"
    (claimed,) = workshop.claim()
    workshop.prove(claimed)
    assert landings.move(narrows, claimed.id)
    assert repository.log() == ["New", "more notes", "first"]
    assert changes.get(narrows, change.id).state is ChangeState.IN_REVIEW


def test_what_stands_against_landing_a_part_is_said_before_anything_is_divided(
    narrows: Narrows, workshop: Workshop, repository: Repository
) -> None:
    change = workshop.change({"AGENTS.md": "x\n", ".claude/settings.json": "{}\n", "notes.txt": "mine\n"})
    with pytest.raises(Objected) as objected:
        parts.land(narrows, change.id, revision=1, chosen={".claude/settings.json": None})
    (warning,) = objected.value.assessment.warnings
    assert warning.code == "configures"
    repository.commit("others", {"notes.txt": "theirs\n"})
    with pytest.raises(Objected, match=r"no longer merges with main: notes\.txt"):
        parts.land(narrows, change.id, revision=1, chosen={"notes.txt": None})
    assert len(changes.every(narrows)) == 1
    done = parts.land(
        narrows, change.id, revision=1, chosen={".claude/settings.json": None}, acknowledge=[warning.hash]
    )
    assert done.landing is not None


def test_choices_that_make_no_part(narrows: Narrows, change: Change) -> None:
    with pytest.raises(Invalid, match="Nothing was chosen"):
        split(narrows, change, {})
    with pytest.raises(Invalid, match="Everything was chosen"):
        split(narrows, change, {0: None, 1: None, 2: {0, 1}})
    with pytest.raises(Invalid, match="elsewhere is not part of this revision"):
        split(narrows, change, {"elsewhere": None})
    assert len(changes.every(narrows)) == 1


def test_a_part_can_be_sent_back_too_and_then_has_an_agent_and_a_worktree_of_its_own(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    done = split(narrows, change, {"new.txt": None}, rest="keep")
    reviews.request_changes(narrows, done.part.id, revision=1, message="Newer.")
    (run,) = workshop.admit()
    part = changes.get(narrows, done.part.id)
    assert part.slot not in (None, changes.get(narrows, change.id).slot)
    assert assessments.assess(narrows, done.part.id).blockers == []
    assert run.change_id == part.id
