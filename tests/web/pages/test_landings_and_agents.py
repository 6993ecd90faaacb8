"""Landings with their receipts, and agents."""

from __future__ import annotations

from typing import Any

from server.services import agents, landings
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def test_a_landing_shows_its_receipt_and_can_be_undone(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    assert "Nothing has landed yet." in person.reads("/landings")
    change = on_desk.holds("Add adds")
    landing = landings.land(narrows, change, revision=1)
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing.id)
    for page in (person.reads("/landings"), person.reads(f"/changes/{change}")):
        assert "the tree that was tested and the tree that landed are the same" in page
        assert str(landings.get(narrows, landing.id).tree)[:12] in page
        assert f'action="/landings/{landing.id}/undo"' in page
    person.sends(f"/landings/{landing.id}/undo")
    assert "Being taken back" in person.reads("/landings")
    assert "is being taken back" in person.sends(f"/landings/{landing.id}/undo", 409)


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
