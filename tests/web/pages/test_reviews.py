"""Decisions on a change, each sent as a plain form."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.project import LandingMethod, Project
from server.domain.states import ChangeState, LandingState, RunState
from server.services import assessments, changes, drafts, landings, projects, reviews, runs, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


def test_landing_from_the_form_to_the_line_and_back(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds", summary="It adds.")
    form = person.reads(f"/changes/{change}/landing/new")
    assert "Add adds\n\nIt adds." in form
    assert (
        person.sends(f"/changes/{change}/landing", revision=1, message="Add adds\r\n\r\nMine.\r\n")
        == "/?done=landing-1"
    )
    landing = landings.get(narrows, 1)
    assert (landing.state, landing.message) == (LandingState.QUEUED, "Add adds\n\nMine.\n")
    assert "Landing “Add adds” on main." in person.reads("/?done=landing-1")
    assert "Take it out of the line" in person.reads(f"/changes/{change}")
    assert person.sends("/landings/1/undo") == "/landings?done=undo-1"
    assert changes.get(narrows, change).state is ChangeState.IN_REVIEW


def test_the_form_shows_the_message_as_it_lands_and_offers_another_method(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    change = on_desk.holds("Add adds", summary="It adds.")
    projects.configure(narrows, on_desk.project.id, sign_off=True, landing_method="merge", message_template="x: $title")
    form = person.reads(f"/changes/{change}/landing/new")
    assert "x: Add adds\n\nSigned-off-by: Ada Lovelace <ada@example.org>\n</textarea>" in form
    assert '<option value="merge" selected>' in form
    drafts.keep(narrows, f"change/{change}/land", "Typed")
    form = person.reads(f"/changes/{change}/landing/new")
    assert "Typed\n\nSigned-off-by: Ada Lovelace <ada@example.org>\n</textarea>" in form
    reviews.comment(narrows, change, revision=1, body="Hm.")
    typed: dict[str, Any] = {"revision": 1, "message": "Typed", "method": "rebase"}
    assert '<option value="rebase" selected>' in person.sends(f"/changes/{change}/landing", 409, **typed)
    (warning,) = assessments.assess(narrows, change).warnings
    person.sends(f"/changes/{change}/landing", **typed, acknowledge=warning.hash)
    landing = landings.get(narrows, 1)
    assert (landing.method, landing.message.splitlines()[0]) == (LandingMethod.REBASE, "Typed")
    assert projects.get(narrows, on_desk.project.id).landing_method is LandingMethod.MERGE


def test_the_form_shows_what_a_rebase_lands_before_it(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds("Add adds", summary="It adds.")
    assert "of earlier revisions before it" not in person.reads(f"/changes/{change}/landing/new")
    reviews.request_changes(narrows, change, revision=1, message="Again.")
    worker.answer({"src/app.py": "def add(a, b):\n    return b + a\n"})
    form = person.reads(f"/changes/{change}/landing/new")
    assert "By rebase, 1 commit of earlier revisions before it" in form
    assert '<pre tabindex="0">Add adds\n\nIt adds.' in form


def test_a_warning_must_be_acknowledged(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    reviews.comment(narrows, change, revision=1, body="Hm.")
    refused = person.sends(f"/changes/{change}/landing", 409, revision=1, message="Kept as typed")
    assert "Kept as typed" in refused
    (warning,) = assessments.assess(narrows, change).warnings
    assert f'value="{warning.hash}"' in refused
    person.sends(f"/changes/{change}/landing", revision=1, message="x", acknowledge=warning.hash)


def test_a_newer_revision_refuses_the_verdict_and_keeps_the_words(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds()
    reviews.request_changes(narrows, change, revision=1, message="Again.")
    worker.answer({"src/app.py": "def add(a, b):\n    return b + a\n"})
    page = person.sends(f"/changes/{change}/reviews", 409, revision=1, message="My long answer")
    assert "You read revision 1; the newest is 2." in page
    assert "My long answer" in page
    fragment = person.posts(f"/changes/{change}/landing", 409, revision=1, message="My message")
    assert fragment.lstrip().startswith('<section class="bar')
    assert "My message" in fragment


def test_sending_back_takes_the_comments_along(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds()
    person.sends(f"/changes/{change}/comments", revision=1, position=0, side="new", line=2, body="Why?")
    drafts.keep(narrows, f"change/{change}/send-back", "Please mind:")
    form = person.reads(f"/changes/{change}/reviews/new")
    assert "Please mind:" in form
    assert "1 comment" in form
    assert person.sends(f"/changes/{change}/reviews", revision=1, message="Please mind:") == f"/?done=sent-{change}"
    prompt = runs.of_change(narrows, change)[-1].prompt
    assert "Please mind:" in prompt
    assert "Why?" in prompt
    assert not drafts.find(narrows, f"change/{change}/")


def test_sending_back_nothing_is_refused_in_its_form(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds()
    assert "Nothing was said." in person.sends(f"/changes/{change}/reviews", 422, revision=1, message=" ")


def test_later_abandon_restore(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    first, second = on_desk.holds("First"), on_desk.holds("Second")
    assert person.sends(f"/changes/{first}/postponement") == f"/?done=later-{first}"
    assert ">Second</h1>" in person.reads("/")
    assert person.sends(f"/changes/{second}/abandonment") == f"/?done=abandoned-{second}"
    assert ">First</h1>" in person.reads("/")
    assert person.sends(f"/changes/{second}/restoration").startswith(f"/changes/{second}")
    assert changes.get(narrows, second).state is ChangeState.IN_REVIEW
    assert "Change" in person.sends(f"/changes/{second}/retries", 409)


def test_a_report_is_accepted(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Why is it slow?", {"note.md": "x\n"}, "Because of **quadratic** joins.", kind="research")
    page = person.reads("/")
    assert "Report" in page
    assert "<strong>quadratic</strong>" in page
    assert "landing/new" not in page
    person.sends(f"/changes/{change}/acceptance", revision=1)
    assert changes.get(narrows, change).state is ChangeState.ACCEPTED


def test_a_run_that_came_to_nothing_can_be_tried_again(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    tasks.file(narrows, project_id=project.id, title="Fails")
    (run,) = worker.admit()
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.FAILED, error="The agent fell over."))
    runs.decide(narrows, run.id)
    page = person.reads("/")
    assert "The agent fell over." in page
    assert "Try again" in page
    assert "Review what is there" not in page
    assert person.sends(f"/changes/{run.change_id}/retries") == f"/?done=retried-{run.change_id}"
    assert changes.get(narrows, run.change_id).state is ChangeState.WORKING
    assert "Stop" in person.reads(f"/changes/{run.change_id}")


@pytest.mark.parametrize("form", ["landing/new", "reviews/new", "bar"])
def test_htmx_gets_the_bar_alone(person: Person, on_desk: Desk, form: str) -> None:
    change = on_desk.holds()
    fragment = person.peeks(f"/changes/{change}/{form}")
    assert "<html" not in fragment
    assert 'id="bar"' in fragment
