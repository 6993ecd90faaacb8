"""What stands against a landing: blockers, warnings, and what is insisted over."""

from __future__ import annotations

import pytest

from server.domain.states import ChangeState
from server.services import assessments, conflicts, landings, projects, reviews
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


def codes(refused: pytest.ExceptionInfo[assessments.Objected]) -> tuple[list[str], list[str]]:
    found = refused.value.assessment
    return [each.code for each in found.blockers], [each.code for each in found.warnings]


def test_a_red_check_blocks_a_landing(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, check_rounds=0)
    workshop.file()
    [run] = workshop.admit()
    change = workshop.finish(run, EDITED, red=["make test"])
    with pytest.raises(assessments.Objected, match="The check `make test` is red") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == (["red"], [])
    assert workshop.get(change).state is ChangeState.IN_REVIEW


def test_warnings_must_be_acknowledged_each_by_its_hash(workshop: Workshop) -> None:
    narrows = workshop.narrows
    projects.configure(narrows, workshop.project.id, review_size=0)
    change = workshop.change({"large.txt": "line\n" * (assessments.LARGE + 1)})
    reviews.comment(narrows, change.id, revision=1, body="Perhaps?")
    with pytest.raises(assessments.Objected) as refused:
        landings.land(narrows, change.id, revision=1)
    assert codes(refused) == ([], ["drafts", "large"])
    assert refused.value.message == "One of your comments was not sent to the agent."
    assert refused.value.hint == "Acknowledge it to land all the same."
    drafts, large = (each.hash for each in refused.value.assessment.warnings)

    with pytest.raises(assessments.Objected):
        landings.land(narrows, change.id, revision=1, acknowledge=[drafts, "f" * 16])
    reviews.comment(narrows, change.id, revision=1, body="One more.")
    with pytest.raises(assessments.Objected, match="2 of your comments"):
        landings.land(narrows, change.id, revision=1, acknowledge=[drafts, large])

    hashes = [each.hash for each in assessments.assess(narrows, change.id).warnings]
    landing = landings.land(narrows, change.id, revision=1, acknowledge=[*hashes, *hashes])
    assert landing.acknowledged == sorted(hashes)


def test_markers_of_a_conflict_must_be_acknowledged(workshop: Workshop) -> None:
    change = workshop.change({"notes.txt": "one\n<<<<<<< a\nTHEIRS\n=======\nMINE\n>>>>>>> b\n", "b.txt": "b\n"})
    with pytest.raises(assessments.Objected, match=r"Markers of a conflict were left in `notes\.txt`") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == ([], ["markers"])
    [marked] = refused.value.assessment.warnings
    assert landings.land(workshop.narrows, change.id, revision=1, acknowledge=[marked.hash]).under_way


def test_a_change_without_a_revision_has_nothing_to_land(workshop: Workshop) -> None:
    workshop.file()
    [run] = workshop.admit()
    assert [each.code for each in assessments.assess(workshop.narrows, run.change_id).blockers] == ["nothing"]
    assert conflicts.prompt(workshop.narrows, run.change_id) == ""


def test_a_conflict_is_said_at_once_with_its_files(workshop: Workshop, repository: Repository) -> None:
    change = workshop.change(EDITED)
    assert conflicts.prompt(workshop.narrows, change.id) == ""
    there = repository.commit("meanwhile", {"notes.txt": "one\n2\nthree\n"})
    with pytest.raises(assessments.Objected) as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == (["conflict"], [])
    assert refused.value.message == "It no longer merges with main: notes.txt."
    assert workshop.get(change).state is ChangeState.IN_REVIEW
    prompt = conflicts.prompt(workshop.narrows, change.id)
    assert "## `notes.txt`" in prompt
    assert f"`main` has moved, to {there}," in prompt


def test_a_landing_that_is_not_quite_what_was_read_is_asked_about(workshop: Workshop, repository: Repository) -> None:
    """Half of the change landed already by other hands, so what would land now is less than what was read."""
    change = workshop.change({"notes.txt": "ONE\ntwo\nthree\n", "said.txt": "said\n"})
    repository.commit("the same thing first", {"said.txt": "said\n"})
    with pytest.raises(assessments.Objected, match="not quite what you read") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert codes(refused) == ([], ["scope"])
    assert "read but not landing: said.txt" in refused.value.message
    [scope] = refused.value.assessment.warnings
    landing = workshop.land(change, acknowledge=[scope.hash])
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is False


def test_what_lands_on_a_target_that_moved_elsewhere_is_still_what_was_read(
    workshop: Workshop, repository: Repository
) -> None:
    change = workshop.change({"said.txt": "said\n"})
    repository.commit("elsewhere", {"other.txt": "other\n"})
    landing = workshop.land(change)
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is True
