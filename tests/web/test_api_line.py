"""The landing line for scripts: behind which one, the receipt, a red check again or landed over."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from server.domain.project import Project
from server.domain.states import CheckState
from server.services import landings, projects, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker

WHY = "Its server is down until Monday."


@pytest.fixture
def red(narrows: Narrows, project: Project, worker: Worker) -> int:
    """A change in review, although its check is red."""
    projects.configure(narrows, project.id, check_rounds=0)
    tasks.file(narrows, project_id=project.id, title="Add adds")
    (change,) = worker.answer({"src/app.py": "def add(a, b):\n    return a + b\n"}, result=CheckState.FAILED)
    return change


def test_a_red_check_is_landed_over_with_a_reason(script: TestClient, narrows: Narrows, red: int) -> None:
    path = f"/api/changes/{red}/landing"
    refused = script.post(path, json={"revision": 1})
    assert (refused.status_code, [one["code"] for one in refused.json()["error"]["blockers"]]) == (409, ["red"])
    landing = script.post(path, json={"revision": 1, "insist": WHY}).json()
    assert (landing["insisted"], landing["behind"], landing["moving"]) == (WHY, None, False)
    assert script.get(f"/api/landings/{landing['id']}/receipt").status_code == 404
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing["id"])
    receipt = script.get(f"/api/landings/{landing['id']}/receipt").json()
    assert (receipt["landing"], receipt["change"], receipt["state"]) == (landing["id"], red, "landed")
    assert receipt["tested"]["insisted"] == WHY
    assert receipt["verified"]["branch"]["contains"] is True


def test_a_red_check_is_run_again(script: TestClient, red: int) -> None:
    [check] = script.get(f"/api/changes/{red}").json()["checks"]
    fresh = script.post(f"/api/checks/{check['id']}/again")
    assert (fresh.status_code, fresh.json()["state"]) == (202, "queued")
    assert script.post(f"/api/checks/{check['id']}/again").status_code == 409
    assert script.post("/api/checks/99/again").status_code == 404
