"""The style guide: every state of everything, from the templates that make the pages."""

from __future__ import annotations

import pytest

from server.domain.diff import FileStatus
from server.domain.review import Fit
from server.domain.states import ChangeState, words
from server.services import changes
from server.services.narrows import Narrows
from server.web.made_up import STATES
from tests.web.conftest import ORIGIN
from tests.web.pages.conftest import Person, Visitor


@pytest.fixture
def guide(person: Person) -> str:
    return person.reads("/styleguide")


def test_every_state_is_shown(guide: str) -> None:
    missing = [state for all in STATES.values() for state in all if f'<span class="pill {state.value}">' not in guide]
    assert missing == []


def test_every_decision_file_and_fit_is_shown(guide: str) -> None:
    for state in ChangeState:
        assert f"<h3>{words(state).capitalize()}</h3>" in guide
    for status in FileStatus:
        assert f'<span class="letter {status.value}"' in guide
    for fit in Fit:
        assert f'<section class="specimen" aria-label="{fit.value}">' in guide


def test_what_it_shows_is_nowhere(guide: str, narrows: Narrows) -> None:
    assert changes.every(narrows) == []
    assert "durations.py" in guide


def test_it_is_behind_the_token_like_any_page(person: Person, visitor: Visitor) -> None:
    assert visitor(ORIGIN).get("/styleguide").status_code == 401
