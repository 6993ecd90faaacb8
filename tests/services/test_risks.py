"""The risk of a revision: weighed when it was looked at, and anew when more is known."""

from __future__ import annotations

from server.domain.change import Change, Revision
from server.domain.risk import Coverage, Risk, RiskLevel
from server.services import events, examinations, projects, revisions, risks
from tests.services.workshop import Workshop
from tests.support.repositories import Repository


def newest(workshop: Workshop, change: Change) -> Revision:
    return revisions.of_change(workshop.narrows, change.id)[-1]


def weighed(workshop: Workshop, change: Change) -> Risk:
    assert examinations.examine(workshop.narrows, change.id)
    risk = risks.of_revision(workshop.narrows, newest(workshop, change).id)
    assert risk is not None
    return risk


def test_a_few_words_in_a_file_that_nobody_minds_are_no_risk(workshop: Workshop) -> None:
    risk = weighed(workshop, workshop.change())
    assert (risk.level, risk.points, risk.reasons) == (RiskLevel.LOW, 0, [])


def test_where_it_lies_what_became_of_it_and_what_it_says_are_weighed_together(
    workshop: Workshop, repository: Repository
) -> None:
    for number in range(11):
        repository.commit(f"Number {number}", {"login.py": f"TRIES = {number}\n"})
    repository.git("revert", "--no-edit", "HEAD")
    change = workshop.change({"login.py": "TRIES = 99\n", "requirements.txt": "flask==3.0\n"})
    risk = weighed(workshop, change)
    assert [why for _, why in risk.reasons] == [
        "It touches login.py, where errors cost most.",
        "Dependencies change: requirements.txt.",
        "An earlier change of login.py was taken back.",
        "Source changed, and no test.",
        "login.py changed in 12 of the last 13 commits.",
    ]
    assert risk.points == 7.7
    assert risk.level is RiskLevel.HIGH


def test_a_project_says_itself_what_is_risky(workshop: Workshop) -> None:
    projects.configure(workshop.narrows, workshop.project.id, risky=["notes.*", " "])
    assert projects.get(workshop.narrows, workshop.project.id).risky == ["notes.*"]
    risk = weighed(workshop, workshop.change({"notes.txt": "none\n"}))
    assert risk.reasons == [[2.0, "It touches notes.txt, where errors cost most."]]


def test_what_is_found_out_later_is_weighed_in_once(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change({"said.py": "said = 1\n"})
    revision = newest(workshop, change)
    assert not risks.weigh_again(narrows, revision), "it was not looked at yet"
    before = weighed(workshop, change)
    assert not risks.weigh_again(narrows, revision), "nothing else is known"
    with narrows.transaction() as db:
        db.add(Coverage(revision_id=revision.id, covered=0, coverable=1, missed={"said.py": [1]}))
    assert risks.weigh_again(narrows, revision)
    assert not risks.weigh_again(narrows, revision)
    after = risks.of_revision(narrows, revision.id)
    assert after is not None
    assert (after.id, after.points) == (before.id, 3.5)
    assert after.reasons[0] == [2.0, "1 of 1 new line did not run in the checks."]
    assert [event.verb for event in events.of_change(narrows, change.id)].count("weighed") == 1


def test_what_came_before_it_was_looked_at_is_weighed_in(workshop: Workshop) -> None:
    change = workshop.change({"said.txt": "said\n"})
    with workshop.narrows.transaction() as db:
        db.add(Coverage(revision_id=newest(workshop, change).id, covered=0, coverable=1))
    assert weighed(workshop, change).points == 2.0


def test_a_past_that_git_cant_tell_is_left_out(workshop: Workshop) -> None:
    change = workshop.change({"said.py": "said = 1\n"})
    with workshop.narrows.transaction() as db:
        db.merge(newest(workshop, change)).base = "f" * 40
    assert weighed(workshop, change).reasons == [[1.5, "Source changed, and no test."]]
