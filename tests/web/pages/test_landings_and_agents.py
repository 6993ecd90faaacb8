"""Landings with their receipts, and agents."""

from __future__ import annotations

from typing import Any

from server.domain.landing import Landing
from server.services import agents, landings
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def test_a_landing_shows_its_receipt_and_can_be_undone(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    assert "Nothing has landed yet." in person.reads("/landings")
    change = on_desk.holds("Add adds")
    landing = landings.land(narrows, change, revision=1)
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing.id)
    assert f"{on_desk.project.name}, on main" in person.reads("/landings")
    for page in (person.reads("/landings"), person.reads(f"/changes/{change}")):
        assert "the tree that was tested and the tree that landed are the same" in page
        assert str(landings.get(narrows, landing.id).tree)[:12] in page
        assert f'action="/landings/{landing.id}/undo"' in page
    person.sends(f"/landings/{landing.id}/undo")
    assert "Being taken back" in person.reads("/landings")
    assert "is being taken back" in person.sends(f"/landings/{landing.id}/undo", 409)


def test_a_receipt_is_folded_below_a_change_and_says_each_thing_once(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    change = on_desk.holds("Add adds")
    landing = landings.land(narrows, change, revision=1)
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing.id)
    with narrows.transaction() as db:
        moved = db.get_one(Landing, landing.id)
        moved.note, moved.error = "Your own main stayed where it is.", "A check was red."
        db.add(moved)
    page = person.reads(f"/changes/{change}")
    folded = page[page.index("<summary><strong>") : page.index("Download the receipt")]
    assert "read back after the move" in folded
    for path in (f"/changes/{change}", "/landings"):
        page = person.reads(path)
        assert page.count("Your own main stayed where it is.") == 1
        assert "It stays landed. A check was red." in page


def test_only_the_last_landing_of_a_change_says_at_once_why_it_failed(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    change, other = on_desk.holds("Add adds"), on_desk.holds("Another", {"b.txt": "b\n"})
    for number in (change, other, change):
        landing = landings.land(narrows, number, revision=1)
        landings.claim(narrows, "local")
        landings.fail(narrows, landing.id, "Something is in the way.")
    page = person.reads("/landings")
    assert page.count("Something is in the way.") == 3
    assert page.count('<details class="fold-plain" open>') == 2


def test_adding_an_agent(person: Person, narrows: Narrows) -> None:
    assert "Does nothing, well." in person.reads("/agents")
    fields: dict[str, Any] = {
        "name": "mine",
        "family": "command",
        "command": "sh -c 'echo done'",
        "env": "A=1\nB=$HOME\n",
    }
    assert person.sends("/agents", **fields) == "/agents#agent-mine"
    agent = agents.get(narrows, "mine")
    assert (agent.argv, agent.env) == (["sh", "-c", "echo done"], {"A": "1", "B": "$HOME"})
    page = person.sends("/agents", 422, **fields | {"command": "sh 'open"})
    assert "Close every quote." in page
    assert 'value="sh \'open"' in page
    assert "is no variable" in person.sends("/agents", 422, **fields | {"env": "A B"})
    assert "is built in" in person.sends("/agents", 422, **fields | {"name": "demo"})
