"""The line that says what was just done is true of what became of it, however quickly that went."""

from __future__ import annotations

from server.domain.landing import Landing
from server.domain.states import ChangeState
from server.services import changes, landings, undos
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def queued(narrows: Narrows, on_desk: Desk) -> Landing:
    return landings.land(narrows, on_desk.holds("Add adds"), revision=1)


def test_a_landing_that_failed_before_the_next_page_came_says_so(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    landing = queued(narrows, on_desk)
    landings.claim(narrows, "local")
    landings.fail(narrows, landing.id, "Local changes are in the way: a.txt.")
    page = person.reads(f"/?done=landing-{landing.id}")
    assert "“Add adds” did not land: Local changes are in the way: a.txt." in page
    assert f"/landings/{landing.id}/undo" not in page


def test_undo_is_offered_only_while_it_can_be_done(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    landing = queued(narrows, on_desk)
    toast = f'action="/landings/{landing.id}/undo"'
    said = f"/?done=landing-{landing.id}"
    assert toast in person.reads(said)
    landings.claim(narrows, "local")
    assert toast in person.reads(said)
    assert landings.move(narrows, landing.id)
    assert "Landed “Add adds” on main." in person.reads(said)
    assert toast in person.reads(said)
    undos.ask(narrows, landing.id)
    assert "Taking “Add adds” back from main." in person.reads(said)
    undos.stay(narrows, landing.id, "Later commits changed the same lines.")
    assert "“Add adds” stays landed: Later commits changed the same lines." in person.reads(said)
    undos.ask(narrows, landing.id)
    plan = undos.plan(narrows, landing.id)
    assert undos.take_back(narrows, landing.id, plan)
    assert "Took “Add adds” back from main." in person.reads(f"/?done=undo-{landing.id}")


def test_out_of_the_line_is_not_taken_back(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    landing = queued(narrows, on_desk)
    assert person.sends(f"/landings/{landing.id}/undo") == f"/landings?done=undo-{landing.id}"
    assert "Took “Add adds” out of the landing line." in person.reads(f"/landings?done=undo-{landing.id}")
    assert changes.get(narrows, landing.change_id).state is ChangeState.IN_REVIEW
