"""Several attempts at one task, as the person meets them; and a large change that its agent splits."""

from __future__ import annotations

import pytest

from server.domain.change import Change
from server.domain.event import Actor
from server.domain.run import Reason
from server.domain.states import ChangeState
from server.services import admission, changes, events, landings, projects, task_drafts, undos
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person

ONE = {"src/app.py": "def add(a, b):\n    return a + b\n"}
TWO = {"src/app.py": "def add(a, b):\n    return sum((a, b))\n", "docs/adding.md": "It adds.\n"}


@pytest.fixture
def two(on_desk: Desk, narrows: Narrows) -> tuple[int, int]:
    """Two changes in review for one task; the second one's agent is another."""
    first = on_desk.holds(files=ONE)
    begun = changes.get(narrows, first)
    with narrows.transaction() as db:
        second = Change(task_id=begun.task_id, project_id=begun.project_id, agent="other")
        events.record(db, Actor.ENGINE, "began", second)
        admission.follow(db, second, Reason.FIRST, "Try it.")
    on_desk.worker.answer(TWO)
    return first, second.id


def land(narrows: Narrows, change: int) -> int:
    landing = landings.land(narrows, change, revision=1)
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing.id)
    return landing.id


def test_each_says_that_there_are_others_and_who_works_on_it(person: Person, two: tuple[int, int]) -> None:
    page = person.reads(f"/changes/{two[1]}")
    assert "<span>by other</span>" in page
    assert 'One of <a href="/tasks/1/attempts">2 attempts</a>' in page
    assert '<a href="/changes/1">#1 by demo</a> in review' in page


def test_they_stand_side_by_side_as_facts(person: Person, two: tuple[int, int]) -> None:
    page = person.reads("/tasks/1/attempts")
    for fact in ("#1</a> by demo", "#2</a> by other", "passed", "about 2 min", "unknown", "not known yet"):
        assert fact in page
    assert "/tasks/1/attempts/1/2" in page
    facts = person.client.get("/api/tasks/1/attempts").json()
    assert [(one["change"]["agent"], one["revision"]["files"]) for one in facts] == [("demo", 1), ("other", 2)]


def test_how_two_of_them_differ_is_read_as_a_diff(person: Person, two: tuple[int, int]) -> None:
    page = person.reads("/tasks/1/attempts/1/2")
    assert "What other does otherwise than demo" in page
    assert page.count('class="r ') > 1
    patch = person.client.get("/api/tasks/1/attempts/1/2.patch")
    assert patch.headers["content-type"].startswith("text/x-diff")
    assert "-    return a + b\n+    return sum((a, b))\n" in patch.text
    assert "split" in person.reads("/tasks/1/attempts/2/1?view=split")
    assert "is no other attempt" in person.reads("/tasks/1/attempts/1/1", 404)


def test_a_difference_that_is_large_is_named_and_in_the_patch(
    person: Person, two: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.attempts.AT_ONCE", 1)
    page = person.reads("/tasks/1/attempts/1/2")
    assert page.count('class="rows') == 1
    assert "this file is in" in page


def test_two_that_did_the_same_say_so(person: Person, two: tuple[int, int], on_desk: Desk, narrows: Narrows) -> None:
    with narrows.transaction() as db:
        third = Change(task_id=1, project_id=on_desk.project.id, agent="third")
        events.record(db, Actor.ENGINE, "began", third)
        admission.follow(db, third, Reason.FIRST, "Try it.")
    on_desk.worker.answer(TWO)
    assert "They do the same, to the byte." in person.reads("/tasks/1/attempts/2/3")


def test_landing_one_and_undoing_it_tells_of_the_others(person: Person, two: tuple[int, int], narrows: Narrows) -> None:
    first, second = two
    landing = land(narrows, first)
    assert f"Another attempt, #{first}, landed." in person.reads(f"/changes/{second}")
    undos.ask(narrows, landing)
    assert undos.take_back(narrows, landing, undos.plan(narrows, landing))
    assert f"restore #{second}</a> to go on with it" in person.reads(f"/changes/{first}")
    person.sends(f"/changes/{second}/restoration")
    assert changes.get(narrows, second).state is ChangeState.IN_REVIEW
    assert "restore #" not in person.reads(f"/changes/{first}")


# A large change


def large(on_desk: Desk, narrows: Narrows) -> int:
    """A change in review that is above the review size, whose agent was not asked."""
    number = on_desk.holds(files={"src/long.py": "".join(f"line_{number} = {number}\n" for number in range(60))})
    projects.configure(narrows, on_desk.project.id, review_size=10)
    return number


def test_the_person_has_the_agent_asked_and_makes_tasks_of_the_rest(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    number = large(on_desk, narrows)
    page = person.reads(f"/changes/{number}")
    assert "60 lines to read are more than your review size, 10." in page
    assert person.sends(f"/changes/{number}/split", revision=1) == f"/?done=sent-{number}"
    on_desk.worker.answer({"src/long.py": "line_1 = 1\n"}, "Kept one.\n\n- [ ] Add `line_2`\n- [ ] Add `line_3`\n")
    page = person.reads(f"/changes/{number}")
    assert "Ask its agent to split it" not in page
    assert "Split by its agent" in page
    assert "Add line_2" in page
    assert person.sends(f"/changes/{number}/split/tasks", line=[3, 4]) == "/tasks?done=drafted-2"
    assert [draft.fields["after"] for draft in task_drafts.every(narrows)] == ["1", "1"]
    assert "It was asked already" not in page


def test_what_is_not_to_be_split_says_why(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    number = on_desk.holds()
    assert "Ask its agent to split it" not in person.reads(f"/changes/{number}")
    assert "is not large, or its agent was asked already" in person.sends(f"/changes/{number}/split", 409, revision=1)
    assert person.client.post(f"/api/changes/{number}/split", json={"revision": 1}).status_code == 409


def test_the_review_size_is_the_projects(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    assert 'name="review_size" type="number" min="0" value="400"' in person.reads("/projects/1")
    large(on_desk, narrows)
    assert person.client.patch("/api/projects/1", json={"review_size": 0}).json()["review_size"] == 0
    assert "Ask its agent to split it" not in person.reads("/changes/1")
