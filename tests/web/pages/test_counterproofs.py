"""A change's tests on the code before: on its page, while that is open, and in the API."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from server.domain.states import CheckState
from server.services import counterproofs, examinations, revisions
from server.services.counterproofs import Plan
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person
from tests.web.pages.test_runs import told

FILES = {"app.py": "x = 2\n", "tests/test_app.py": "assert x\n"}


@pytest.fixture
def change(on_desk: Desk) -> int:
    return on_desk.holds("Make it two", FILES)


def planned(narrows: Narrows, change: int) -> Plan:
    plan = counterproofs.plan(narrows, revisions.get(narrows, change, 1).id)
    assert plan
    return plan


def ended(narrows: Narrows, plan: Plan, state: CheckState) -> None:
    counterproofs.start(narrows, plan.number, plan.commands[0]).write_text("<b>1 failed</b>\n")
    counterproofs.end(narrows, plan.number, state, 1, 0.5)


def test_a_page_says_what_the_tests_say_of_the_code_before(person: Person, change: int, narrows: Narrows) -> None:
    assert "Its tests on the code before" not in person.reads(f"/changes/{change}")
    plan = planned(narrows, change)
    page = person.reads(f"/changes/{change}")
    assert "Its tests on the code before" in page
    assert "waiting" in page
    ended(narrows, plan, CheckState.FAILED)
    page = person.client.get(f"/changes/{change}").text
    assert "Fails before, passes after" in page
    assert "&lt;b&gt;1 failed" in page
    assert "<b>1 failed</b>" in person.client.get(f"/counterproofs/{plan.number}/log").text
    assert "<b>" not in person.client.get(f"/counterproofs/{plan.number}/log", headers={"HX-Request": "true"}).text
    assert "There is no counterproof 99" in person.reads("/counterproofs/99/log", 404)


def test_tests_that_prove_nothing_are_warned_of(person: Person, change: int, narrows: Narrows) -> None:
    ended(narrows, planned(narrows, change), CheckState.PASSED)
    page = person.reads(f"/changes/{change}")
    assert "Passes on the old code too" in page
    assert "they prove nothing about this change" in page


def test_an_open_page_hears_of_it(change: int, narrows: Narrows) -> None:
    plan = planned(narrows, change)
    heard = told(
        narrows,
        lambda: ended(narrows, plan, CheckState.FAILED),
        "Fails before, passes after",
        watch="change",
        number=change,
    )
    assert f"#counterproof-{revisions.get(narrows, change, 1).id}" in heard


def test_an_open_page_hears_of_flags(on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Take httpx", {"requirements.txt": "httpx\n"})

    def examine() -> None:
        examinations.examine(narrows, change)
        examinations.tell(narrows, change)

    heard = told(narrows, examine, "Adds", watch="change", number=change)
    assert "httpx" in heard


def test_scripts_ask_for_it(script: TestClient, change: int, narrows: Narrows) -> None:
    path = f"/api/changes/{change}/revisions/1/counterproof"
    assert script.get(path).json() is None
    plan = planned(narrows, change)
    ended(narrows, plan, CheckState.FAILED)
    told = script.get(path).json()
    assert (told["state"], told["tests"], told["exit_code"]) == ("failed", ["tests/test_app.py"], 1)
    assert script.get(f"/api/counterproofs/{plan.number}/log").text == "<b>1 failed</b>\n"
