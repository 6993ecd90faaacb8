"""A run that left nothing to review: the page says what the agent last said, and what can be done."""

from __future__ import annotations

from server.domain.states import RunState
from server.services import runs, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person

QUESTION = "I stopped.\n\nWhich of the **two** parsers do you mean: <old> or <new>?"


def test_its_agents_last_words_are_shown_whole(person: Person, on_desk: Desk, narrows: Narrows, worker: Worker) -> None:
    tasks.file(narrows, project_id=on_desk.project.id, title="Mend the parser")
    [run] = worker.admit()
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.SUCCEEDED, summary=QUESTION))
    runs.decide(narrows, run.id)
    page = person.client.get(f"/changes/{run.change_id}").text
    assert "What the agent says" in page
    assert "Which of the <strong>two</strong> parsers do you mean: &lt;old&gt; or &lt;new&gt;?" in page
    assert "The agent changed nothing. It says: I stopped." in page
    assert "Try again" in page


def test_the_words_of_a_follow_up_that_failed_take_the_place_of_those_of_the_revision_before(
    person: Person, on_desk: Desk, narrows: Narrows, worker: Worker
) -> None:
    change = on_desk.holds(summary="It adds.")
    assert person.sends(f"/changes/{change}/reviews", revision=1, message="Louder.") == f"/?done=sent-{change}"
    [run] = worker.admit()
    runs.end(
        narrows,
        run.id,
        worker.name,
        runs.Ending(RunState.FAILED, error="It broke.", summary="The compiler is missing."),
    )
    runs.decide(narrows, run.id)
    page = person.reads(f"/changes/{change}")
    assert "The compiler is missing." in page
    assert "It adds." not in page
    assert "It broke." in page
