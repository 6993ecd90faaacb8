"""Text that is larger than anybody types is taken, or refused by a sentence beside its field; never dropped."""

from __future__ import annotations

from server.services import drafts, tasks
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def test_a_brief_of_a_million_letters_is_filed(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    brief = "é" * tasks.LONGEST_TEXT  # six bytes each, as forms send it
    assert person.sends("/tasks", project=on_desk.project.id, title="Long", brief=brief) == "/tasks/new?done=filed-1"
    assert tasks.get(narrows, 1).brief == brief


def test_a_longer_one_is_refused_beside_its_field_and_stays_in_it(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    brief = "x" * (tasks.LONGEST_TEXT + 1)
    page = person.sends("/tasks", 422, project=on_desk.project.id, title="Longer", brief=brief)
    assert 'id="against-brief"' in page
    assert "That is more than 1,000,000 characters." in page
    assert f">{brief}</textarea>" in page
    assert person.client.put("/drafts/task/new/brief", data={"text": brief}).status_code == 204
    assert drafts.find(narrows, "task/new/")["task/new/brief"] == brief
