"""The desk for scripts: why a change stands where it does, pins, and a revision's risk and coverage."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.domain.risk import Coverage, Risk, RiskLevel
from server.services import tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker


def waiting(narrows: Narrows, project: Project, worker: Worker, title: str) -> int:
    tasks.file(narrows, project_id=project.id, title=title)
    (change,) = worker.answer({f"{title}.txt": "said\n"}, "Said.")
    return change


def test_the_desk_tells_its_reasons_and_a_pin_changes_them(
    script: TestClient, narrows: Narrows, project: Project, worker: Worker
) -> None:
    one, two = (waiting(narrows, project, worker, title) for title in ("one", "two"))
    first, second = script.get("/api/desk").json()["waiting"]
    assert [each["sentence"] for each in first["reasons"]] == ["waits longest"] == [first["why_here"]]
    assert first["points"] > second["points"]
    pinned = script.put(f"/api/changes/{two}/pin").json()
    assert (pinned["id"], pinned["pinned_at"] is None) == (two, False)
    first, second = script.get("/api/desk").json()["waiting"]
    assert (first["change"]["id"], first["why_here"]) == (two, "you pinned it")
    assert script.delete(f"/api/changes/{two}/pin").json()["pinned_at"] is None
    assert script.get("/api/desk").json()["next"]["id"] == one
    assert script.put("/api/changes/99/pin").status_code == 404


def test_a_revisions_risk_and_coverage(script: TestClient, narrows: Narrows, project: Project, worker: Worker) -> None:
    change = waiting(narrows, project, worker, "one")
    about = f"/api/changes/{change}/revisions/1"
    assert script.get(f"{about}/risk").json() is None
    assert script.get(f"{about}/coverage").json() is None
    [revision] = script.get(f"/api/changes/{change}").json()["revisions"]
    with narrows.transaction() as db:
        db.add(Risk(revision_id=revision["id"], level=RiskLevel.HIGH, points=7, reasons=[[7.0, "It says so."]]))
        db.add(Coverage(revision_id=revision["id"], covered=3, coverable=4, missed={"one.txt": [2]}))
    risk = script.get(f"{about}/risk").json()
    assert (risk["level"], risk["reasons"]) == ("high", [{"points": 7.0, "sentence": "It says so."}])
    assert script.get("/api/desk").json()["waiting"][0]["risk"] == risk
    told = script.get(f"{about}/coverage").json()
    assert told == {"covered": 3, "coverable": 4, "missed": {"one.txt": [2]}}
