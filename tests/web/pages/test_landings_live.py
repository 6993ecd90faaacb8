"""The Landings page: undo within reach, and true as long as it is open."""

from __future__ import annotations

import re

import pytest

from server.domain.landing import Landing
from server.services import landings, undos
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person
from tests.web.pages.test_runs import told


def landed(narrows: Narrows, on_desk: Desk) -> int:
    landing = landings.land(narrows, on_desk.holds("Add adds"), revision=1)
    [claimed] = landings.claim(narrows, "local")
    assert claimed.id == landing.id
    assert landings.move(narrows, landing.id)
    return landing.id


def test_undo_is_outside_of_the_fold(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    landing = landed(narrows, on_desk)
    page = person.reads("/landings")
    outside = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert f'action="/landings/{landing}/undo"' in outside
    assert page.count(f'action="/landings/{landing}/undo"') == 1


def test_a_page_that_stays_open_shows_what_becomes_of_a_landing(on_desk: Desk, narrows: Narrows) -> None:
    landing = landed(narrows, on_desk)
    heard = told(narrows, lambda: undos.ask(narrows, landing), "Being taken back", watch="landings")
    assert f'hx-target="#landing-{landing}"' in heard


def test_what_happens_while_the_page_is_made_is_told_to_it(
    person: Person, on_desk: Desk, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = landed(narrows, on_desk)
    recent = landings.recent

    def then_it_is_taken_back(narrows: Narrows, limit: int) -> list[Landing]:
        found = recent(narrows, limit)
        undos.ask(narrows, landing)
        return found

    monkeypatch.setattr(landings, "recent", then_it_is_taken_back)
    page = person.reads("/landings")
    assert "Being taken back" not in page
    knows_of = re.search(r"since=(\d+)", page)
    assert knows_of
    told(narrows, lambda: None, "Being taken back", watch="landings", last=knows_of[1])
