"""The budget as pages say it: which limit holds and until when, and the way past it."""

from __future__ import annotations

from sqlmodel import select

from server.domain.change import Revision
from server.services import preferences, tasks
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def waits_long(narrows: Narrows, on_desk: Desk) -> str:
    """A change that takes an hour waits; the sentence that says so."""
    on_desk.holds()
    with narrows.transaction() as db:
        for revision in db.exec(select(Revision)):
            revision.minutes = 60
    preferences.put(narrows, budget=30)
    return "1 waiting (about 60 min): over your budget of 30 min. New tasks start once about 30 min are read."


def test_every_page_says_that_the_budget_holds_and_one_click_lets_a_task_through(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    said = waits_long(narrows, on_desk)
    task = tasks.file(narrows, project_id=1, title="One more")
    assert said in person.reads("/projects")
    backlog = person.reads("/tasks")
    assert backlog.count(said) == 2, "in the head, and once above the tasks"
    assert '<span class="pill paused_by_budget">paused by budget</span>' in backlog
    assert "Start it anyway" in backlog
    there = person.sends(f"/tasks/{task.id}/passage")
    assert there == f"/tasks/{task.id}?done=through-{task.id}"
    page = person.reads(there)
    assert f"#{task.id} “One more” starts whatever waits." in page
    assert "Start it anyway" not in page
    assert person.sends(f"/tasks/{task.id}/passage/withdrawal") == f"/tasks/{task.id}?done=held-{task.id}"
    assert "waits for your budget" in person.reads(f"/tasks/{task.id}?done=held-{task.id}")


def test_a_budget_that_is_none_comes_back_beside_its_field(person: Person, narrows: Narrows) -> None:
    form = person.sends("/preferences", 422, budget="a lot")
    assert 'id="against-budget"' in form
    assert "is no number of minutes" in form
    assert person.sends("/preferences", budget="45").endswith("preferred-1")
    assert preferences.get(narrows).budget == 45
    page = person.reads("/preferences")
    assert 'value="45"' in page
    assert "Your pace is not known yet: 400 lines an hour are taken for it." in page
