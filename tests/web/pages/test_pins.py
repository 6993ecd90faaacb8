"""Why a change is the one to read now, and keeping another one first."""

from __future__ import annotations

from tests.web.pages.conftest import Desk, Person


def test_the_desk_says_why_this_one_is_first_and_why_the_others_are_behind(person: Person, on_desk: Desk) -> None:
    on_desk.holds("Add adds")
    assert "First because: nothing else waits." in person.reads("/")
    on_desk.holds("Another")
    page = person.reads("/")
    assert "First because: waits longest." in page
    assert "comes after #1" in page
    assert "First because" not in person.reads("/changes/2")


def test_another_is_pinned_and_the_toast_takes_that_back(person: Person, on_desk: Desk) -> None:
    on_desk.holds("Add adds")
    other = on_desk.holds("Another")
    assert f'action="/changes/{other}/pin"><button class="button small quiet" aria-label="Pin Another"' in person.reads(
        "/"
    )
    assert person.sends(f"/changes/{other}/pin") == f"/?done=pinned-{other}"
    page = person.reads(f"/?done=pinned-{other}")
    assert ">Another</h1>" in page
    assert "First because: you pinned it." in page
    assert "Pinned “Another”: it is first." in page
    assert f'action="/changes/{other}/unpinning"' in page
    assert person.sends(f"/changes/{other}/unpinning") == f"/?done=unpinned-{other}"
    page = person.reads(f"/?done=unpinned-{other}")
    assert ">Add adds</h1>" in page
    assert "Unpinned “Another”." in page


def test_what_is_put_off_is_first_where_nothing_else_waits(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Add adds")
    person.sends(f"/changes/{change}/postponement")
    assert "First, although you put it off: nothing else waits." in person.reads("/")


def test_only_what_waits_is_pinned(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Add adds")
    person.sends(f"/changes/{change}/reviews", revision=1, message="Louder.")
    refused = person.client.post(f"/changes/{change}/pin")
    assert refused.status_code == 409
    assert "it does not wait for you" in refused.text
