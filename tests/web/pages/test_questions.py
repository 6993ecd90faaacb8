"""An agent asks, and its change's page lets the person answer, without JavaScript, too."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.project import Project
from server.domain.question import Question
from server.domain.run import Run
from server.domain.states import ChangeState, QuestionState, RunState
from server.domain.trouble import Trouble
from server.services import changes, projects, questions, runs, tasks
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker
from tests.web.pages.conftest import Person

HIDDEN = "make install\u202e; rm <b>x</b>"


@pytest.fixture
def run(narrows: Narrows, project: Project, worker: Worker) -> Run:
    """A run at work."""
    tasks.file(narrows, project_id=project.id, title="Mend the parser")
    [run] = worker.admit()
    return run


def ask(narrows: Narrows, worker: Worker, run: Run, command: str = "make install") -> Question:
    asked = questions.ask(narrows, run.id, worker.name, tool="execute", title="Install it", detail=command)
    assert asked is not None
    return asked


def test_the_desk_shows_the_question_with_all_that_is_hidden_in_it(
    person: Person, narrows: Narrows, worker: Worker, run: Run
) -> None:
    ask(narrows, worker, run, HIDDEN)
    page = person.client.get("/").text
    assert "demo asks: may it run this?" in page
    assert '<code>make install<span class="unseen" title="right-to-left override">U+202E</span>; rm &lt;b&gt;' in page
    assert "Install it" in page
    assert "It waits and keeps its place among the agents at work until" in page
    for words in ("Allow once", "Allow to run anything in this run", "Refuse", "Stop", "Later", "Abandon"):
        assert f"{words}<" in page
    assert "Try again" not in page


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        ("once", QuestionState.ALLOWED, "Allowed to run `make install` once."),
        ("run", QuestionState.ALLOWED, "Allowed to run anything in that run."),
        ("no", QuestionState.REFUSED, "Refused to run `make install`."),
    ],
)
def test_each_answer_sends_the_agent_on(
    person: Person, narrows: Narrows, worker: Worker, run: Run, answer: str, state: QuestionState, told: str
) -> None:
    asked = ask(narrows, worker, run)
    there = person.sends(f"/questions/{asked.id}/answer", answer=answer)
    assert told in person.reads(there)
    answered = questions.get(narrows, asked.id)
    assert (answered.state, answered.whole_run) == (state, answer == "run")
    assert changes.get(narrows, run.change_id).state is ChangeState.WORKING
    assert f"question-{asked.id}" not in person.reads(f"/changes/{run.change_id}")


def test_a_second_answer_is_told_that_there_was_one(person: Person, narrows: Narrows, worker: Worker, run: Run) -> None:
    asked = ask(narrows, worker, run)
    person.sends(f"/questions/{asked.id}/answer", answer="once")
    page = person.sends(f"/questions/{asked.id}/answer", 409, answer="no")
    assert f"Question {asked.id} was allowed already." in page
    assert "No such" not in person.sends("/questions/99/answer", 404, answer="no")


def test_one_that_waits_no_longer_says_what_an_answer_does_then(
    person: Person, narrows: Narrows, worker: Worker, run: Run
) -> None:
    asked = ask(narrows, worker, run)
    questions.outlast(narrows, run.id)
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.FAILED, trouble=Trouble.UNANSWERED))
    page = person.reads(f"/changes/{run.change_id}")
    assert "It asked: may it run `make install`?" in page
    assert "and waits no longer. Your answer starts another run in the same conversation." in page
    assert "Allow to run anything in the next run" in page
    assert "Try again without an answer" in page
    person.sends(f"/questions/{asked.id}/answer", answer="once")
    assert [each.reason.value for each in runs.of_change(narrows, run.change_id)] == ["first", "answer"]


def test_a_question_has_an_address(person: Person, narrows: Narrows, worker: Worker, run: Run) -> None:
    asked = ask(narrows, worker, run)
    there = person.client.get(f"/questions/{asked.id}").headers["location"]
    assert there == f"/changes/{run.change_id}#question-{asked.id}"


def test_permissions_and_rules_are_settings_of_a_project(person: Person, narrows: Narrows, project: Project) -> None:
    page = person.reads(f"/projects/{project.id}")
    assert 'name="sandbox_network" checked' in page
    settings: dict[str, Any] = {
        "name": "mine",
        "target_branch": project.target_branch,
        "rules": "Be *kind*.\r\nBe brief.",
        "hands_off": "vendor/\r\n\r\ngenerated/",
        "may_execute": "ask",
        "may_fetch": "deny",
        "ask_minutes": "0",
        "repository_config": "on",
        "sandbox": "on",
    }
    assert person.sends(f"/projects/{project.id}", **settings).startswith("/projects/")
    kept = projects.get(narrows, project.id)
    assert kept.rules == "Be *kind*.\nBe brief."
    assert kept.hands_off == ["vendor/", "generated/"]
    assert kept.permissions == {"execute": "ask", "fetch": "deny"}
    assert (kept.ask_minutes, kept.repository_config, kept.sandbox, kept.sandbox_network) == (0, True, True, False)
    page = person.reads(f"/projects/{project.id}")
    assert '<option value="ask" selected>ask me</option>' in page
    assert "It must be from 0 to 1440." in person.sends(
        f"/projects/{project.id}", 422, **settings | {"ask_minutes": "2000"}
    )
    assert "'maybe' is no permission." in person.sends(
        f"/projects/{project.id}", 422, **settings | {"may_edit": "maybe"}
    )


def test_a_repository_proposes_its_rules_and_never_its_permissions(
    person: Person, narrows: Narrows, repository: Repository
) -> None:
    said = 'rules = "Be kind."\nhands_off = ["vendor/"]\nsandbox = false\nrepository_config = true\n'
    repository.commit(files={"narrows.toml": said})
    page = person.reads(f"/projects/examination?path={repository.path}")
    assert ">\nBe kind.</textarea>" in page  # the first line end is no part of it
    assert ">\nvendor/</textarea>" in page
    project = projects.register(narrows, str(repository.path))
    assert (project.rules, project.hands_off, project.repository_config) == ("Be kind.", ["vendor/"], False)
