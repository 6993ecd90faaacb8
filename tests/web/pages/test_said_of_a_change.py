"""What the page of a change says beside its diff: of agents' own files, and of a conversation that was lost."""

from __future__ import annotations

from server.domain.states import RunState
from server.services import reviews, runs
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person

NEW = "A new conversation was started, since the earlier one could not be continued."


def test_files_that_configure_or_instruct_agents_say_so(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Set up", {".claude/settings.json": "{}\n", "AGENTS.md": "Be nice.\n"})
    page = person.reads(f"/changes/{change}")
    assert '<span class="note">can run code when an agent starts</span>' in page
    assert '<span class="note">instructs agents</span>' in page
    assert "Warning:</strong> It changes `.claude/settings.json`, which can run code when an agent starts." in page
    assert "which can run code" in person.sends(f"/changes/{change}/landing", 409, revision=1)


def test_a_conversation_that_could_not_be_continued_is_said(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds()
    assert NEW not in person.reads(f"/changes/{change}")
    reviews.request_changes(narrows, change, revision=1, message="Again.")
    [run] = worker.admit()
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.SUCCEEDED, session="s-2", continued=False))
    runs.decide(narrows, run.id)
    assert NEW in person.reads(f"/changes/{change}")
