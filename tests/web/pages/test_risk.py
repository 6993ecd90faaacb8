"""How much attention a revision deserves, on its page: weighed or not, with what ran in the checks."""

from __future__ import annotations

import re

from server.bus import Signal
from server.domain.risk import Coverage, Risk, RiskLevel
from server.services import examinations, revisions
from server.services.narrows import Narrows
from server.web import rendering
from server.web.live_page import Teller
from tests.web.pages.conftest import Desk, Person


def test_it_is_said_with_its_reasons_once_it_was_weighed(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds", {"login.py": "tries = 1\n"})
    assert "Risk: not weighed yet" in person.reads("/")
    examinations.examine(narrows, change)
    page = person.reads("/")
    assert ">Risk: medium</span>" in page
    assert "It touches login.py, where errors cost most." in page
    on_desk.holds("Another")
    assert '<span class="pill risk-medium">medium risk</span>' not in person.reads("/"), "it stands in the evidence"
    assert person.sends("/changes/2/pin") == "/?done=pinned-2"
    assert '<span class="pill risk-medium">medium risk</span>' in person.reads("/"), "behind the other"


def test_the_lines_that_did_not_run_are_linked_where_they_are_on_the_page(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    change = on_desk.holds("Add adds", {"login.py": "a\nb\nc\nd\n"})
    [revision] = revisions.of_change(narrows, change)
    missed = {"login.py": [1, 2, 4], "gone.py": [7], "<b>.py": [1]}
    with narrows.transaction() as db:
        db.add(Coverage(revision_id=revision.id, covered=31, coverable=40, missed=missed))
        db.add(Risk(revision_id=revision.id, level=RiskLevel.LOW, points=0))
    page = person.reads("/")
    assert "Of 40 new lines 31 ran in the checks." in page
    assert re.search(r'Did not run: <a href="#file-\d+" data-side="new" data-line="1">login.py:1–2</a>, ', page)
    assert 'data-line="4">4</a></li>' in page
    assert "<li>Did not run: gone.py:7</li>" in page
    assert "<b>.py" not in person.client.get("/").text
    assert "Nothing speaks for it." in page


def test_an_open_page_is_told_when_it_is_weighed(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds", {"login.py": "tries = 1\n"})
    [revision] = revisions.of_change(narrows, change)
    examinations.examine(narrows, change)
    teller = Teller(rendering.environment(), narrows, "change", change)

    def told(about: int) -> str:
        signal = Signal("revision", "weighed", revision.id, data={"change_id": about, "project_id": 1})
        return "".join(teller._watched([signal], stored=True))

    assert f'id="risk-{revision.id}"' in told(change)
    assert "It touches login.py" in told(change)
    assert told(change + 1) == ""
